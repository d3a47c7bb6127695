"""Adds numbers with numpy, which comes from the lock."""
import json
import os
import sys

import numpy

workspace = sys.argv[1]
with open(os.path.join(workspace, "input.data")) as file:
    numbers = json.load(file).get("numbers", [1, 2, 3])
total = float(numpy.array(numbers).sum())
print(f"{total} by numpy {numpy.__version__} in {sys.prefix}")
with open(os.path.join(workspace, "output.data"), "w") as file:
    json.dump({"data": {"sum": total}}, file)
