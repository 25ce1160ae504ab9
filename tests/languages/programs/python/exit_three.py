import sys

print("before")
print("failing", file=sys.stderr)
sys.exit(3)
