import os
print("attempt", flush=True)
for place in ("/box", "/tmp", "/dev/shm", "/out", "/var/tmp", "/run", "/"):
    number = 0
    try:
        while True:
            with open(f"{place}/fill{number}", "wb") as file:
                file.write(bytes(900_000))
            number += 1
    except OSError as error:
        print(place, number, error)
