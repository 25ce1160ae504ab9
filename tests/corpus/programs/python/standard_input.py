import sys

first = input("prompt> ")
rest = sys.stdin.readlines()
print(f"{first!r} {len(rest)} {rest[-1]!r} {sys.stdin.read()!r}")
print(sum(int(word) for line in rest for word in line.split() if word.isdigit()))
input()
