import os

print("attempt", flush=True)
made = 0
try:
    for made in range(10_000_000):
        os.symlink("x" * 3000, f"/tmp/{made:07d}" + "n" * 200)
except OSError as error:
    print(made, error)
