chunks = []
while True:
    chunks.append(bytearray(b"x") * 1_000_000)
