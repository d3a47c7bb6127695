"""Cuts the numbers below `limit` (input of the task, default one million) into ranges. Called as: split.py WORKSPACE PARTS"""

import json
import sys
from pathlib import Path

workspace, parts = Path(sys.argv[1]), int(sys.argv[2])
limit = int(json.loads((workspace / "input.data").read_text()).get("limit", 1_000_000))

bounds = [limit * number // parts for number in range(parts + 1)]
print(f"{parts} ranges below {limit}")
(workspace / "output.data").write_text(json.dumps({"data": {"bounds": bounds}}))
