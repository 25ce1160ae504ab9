import errno, os, sys
print("attempt", flush=True)
# 42: a file is where none may be, or no limit of bytes ended it.
for place in ("/out", "/var/tmp", "/run", ""):
    try:
        open(f"{place}/fill", "wb")
        sys.exit(42)
    except OSError as error:
        print(error)
made = 0
for place in ("/box", "/tmp", "/dev/shm"):
    try:
        while made < 1200:
            with open(f"{place}/fill{made}", "wb") as file:
                file.write(bytes(900_000))
            made += 1
        sys.exit(42)
    except OSError as error:
        print(place, made, error)
        if error.errno != errno.ENOSPC:
            sys.exit(42)
