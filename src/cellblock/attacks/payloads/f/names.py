import socket, sys

print("attempt", flush=True)
for name in ("@MARK@.invalid", "@MARK@"):
    try:
        sys.exit(f"{name} is {socket.getaddrinfo(name, 80)}")
    except socket.gaierror as error:
        # Whoever says that there is no such name was asked.
        if error.errno != socket.EAI_AGAIN:
            sys.exit(f"{name} was asked for: {error}")
        print(error)
