import sys

for number in range(40_000):
    print(f"{number:06d} {'x' * (number % 80)} é€😀")
    if number % 100 == 0:
        print(f"err {number}", file=sys.stderr)
sys.stdout.buffer.write(bytes(range(256)) * 100)
