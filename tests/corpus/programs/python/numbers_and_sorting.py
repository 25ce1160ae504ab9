import decimal
import fractions
import heapq
import itertools
import math
import random
import statistics
import struct

print(0.1 + 0.2, 1e308 * 10, -0.0, math.pi, math.e ** 20, 2 ** 0.5, 5e-324, float("nan"))
print([f"{x:.17g}" for x in (1 / 3, 2 / 3, 1e22, 123456789.123456789)])
print(math.sin(1e6), math.gamma(5.5), math.erf(0.3), math.fsum([0.1] * 10))
print(2 ** 521 - 1, (2 ** 127 - 1) % 1_000_007, math.factorial(60), math.comb(100, 50))
print(decimal.Decimal(1) / 7, fractions.Fraction(3, 7) + fractions.Fraction(1, 3))
drawn = random.Random(12345)
values = [drawn.gauss(0, 1) for _ in range(2000)]
print(statistics.fmean(values), statistics.stdev(values), max(values))
words = sorted(("".join(p) for p in itertools.permutations("zebra", 4)), key=lambda w: (w[::-1], w))
print(words[:5], words[-5:], len(set(words)))
print(heapq.nlargest(3, values), sorted(["ä", "z", "A", "é", "Z", "a"]))
print(struct.pack("<dI", 1.5, 77).hex(), hash(1.5), hash((1, 2.5, None is None)))


def ackermann(m, n):
    return n + 1 if m == 0 else ackermann(m - 1, 1 if n == 0 else ackermann(m, n - 1))


import sys
sys.setrecursionlimit(20000)
print(ackermann(2, 200))
