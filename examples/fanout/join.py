"""Adds up what the parts have counted. Called as: join.py WORKSPACE"""

import json
import sys
from pathlib import Path

workspace = Path(sys.argv[1])
results = json.loads((workspace / "input.data").read_text())
parts = {name: result["primes"] for name, result in results.items() if name.startswith("part-")}

total = sum(parts.values())
print(f"{total} primes in {len(parts)} parts")
(workspace / "output.data").write_text(json.dumps({"data": {"primes": total, "parts": len(parts)}}))
