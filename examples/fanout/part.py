"""Counts the primes of one range. Called as: part.py WORKSPACE NUMBER"""

import json
import sys
from math import isqrt
from pathlib import Path

workspace, number = Path(sys.argv[1]), int(sys.argv[2])
bounds = json.loads((workspace / "input.data").read_text())["split"]["bounds"]
start, end = bounds[number], bounds[number + 1]

is_prime = bytearray([1]) * (end - start)
for divisor in range(2, isqrt(max(end - 1, 0)) + 1):
    first = max(divisor * divisor, -(-start // divisor) * divisor)
    is_prime[first - start :: divisor] = bytes(len(range(first, end, divisor)))
for small in range(start, min(end, 2)):
    is_prime[small - start] = 0

count = sum(is_prime)
print(f"{count} primes from {start} to {end - 1}")
(workspace / "output.data").write_text(json.dumps({"data": {"primes": count}}))
