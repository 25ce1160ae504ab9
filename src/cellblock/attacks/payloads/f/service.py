import socket, sys

print("attempt", flush=True)
socket.setdefaulttimeout(1)
for address in ("127.0.0.1", "0.0.0.0", "localhost", "::1", "::ffff:127.0.0.1"):
    try:
        with socket.create_connection((address, @SERVICE_PORT@)) as reached:
            reached.send(b"GET /api/health HTTP/1.0\r\n\r\n")
            sys.exit(f"{address}: {reached.recv(1000)!r}")
    except OSError as error:
        print(error)
