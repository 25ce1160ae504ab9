import socket, sys

print("attempt", flush=True)
sent = []
for family, kind, protocol, echo, address in (
    (socket.AF_INET, socket.SOCK_RAW, 1, b"\x08", "127.0.0.1"),
    (socket.AF_INET, socket.SOCK_DGRAM, 1, b"\x08", "127.0.0.1"),
    (socket.AF_INET6, socket.SOCK_RAW, 58, b"\x80", "::1"),
    (socket.AF_INET6, socket.SOCK_DGRAM, 58, b"\x80", "::1"),
):
    try:
        with socket.socket(family, kind, protocol) as raw:
            raw.sendto(echo + b"\0\0\0\0\0\0\0@MARK@", (address, 0))
            sent.append((family, kind))
    except OSError as error:
        print(error)
sys.exit(", ".join(map(str, sent)) or 0)
