"""The mean of the numbers in the input, with nothing but Python's own library."""

import json
import pathlib
import statistics
import sys

workspace = pathlib.Path(sys.argv[1])
numbers = json.loads((workspace / "input.data").read_text()).get("numbers", [1, 2, 3, 4])
mean = statistics.mean(numbers)
print(f"the mean of {len(numbers)} numbers is {mean}, says {sys.prefix}")
(workspace / "output.data").write_text(json.dumps({"data": {"mean": float(mean)}}))
