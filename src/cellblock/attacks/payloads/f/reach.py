import socket, sys

print("attempt", flush=True)
socket.setdefaulttimeout(0.5)
reached = []
for family, kind, address in (
    (socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", @TCP_PORT@)),
    (socket.AF_INET, socket.SOCK_STREAM, ("0.0.0.0", @TCP_PORT@)),
    (socket.AF_INET, socket.SOCK_STREAM, ("127.1.2.3", @TCP_PORT@)),
    (socket.AF_INET6, socket.SOCK_STREAM, ("::1", @TCP6_PORT@)),
    (socket.AF_INET6, socket.SOCK_STREAM, ("::ffff:127.0.0.1", @TCP_PORT@)),
    (socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", @UDP_PORT@)),
    (socket.AF_UNIX, socket.SOCK_STREAM, "\0@ABSTRACT@"),
    (socket.AF_UNIX, socket.SOCK_STREAM, "@UNIX@"),
    (socket.AF_UNIX, socket.SOCK_STREAM, "/proc/1/root@UNIX@"),
):
    try:
        with socket.socket(family, kind) as reaching:
            reaching.connect(address)
            reaching.send(b"reached")
            if kind != socket.SOCK_DGRAM:
                reached.append(address)
    except OSError as error:
        print(error)
sys.exit(", ".join(map(str, reached)) or 0)
