import os, random, secrets, ssl, tempfile, uuid

print("attempt", flush=True)
# What should be nobody else's: if two runs print one line, one knows what the other drew.
print("random", random.random())
print("generator", random.Random().getrandbits(64))
print("uuid1", uuid.uuid1().clock_seq, uuid.getnode())
print("uuid4", uuid.uuid4())
print("secrets", secrets.token_hex(8))
print("urandom", os.urandom(8).hex())
print("openssl", ssl.RAND_bytes(8).hex())
print("directory", tempfile.mkdtemp())
print("file", tempfile.NamedTemporaryFile().name)
