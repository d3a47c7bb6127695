"""The same with numpy, which the environment brings, and whether both agree."""

import json
import pathlib
import sys

import numpy

workspace = pathlib.Path(sys.argv[1])
data = json.loads((workspace / "input.data").read_text())
mean = float(numpy.mean(numpy.array(data.get("numbers", [1, 2, 3, 4]))))
agree = mean == data["plain"]["mean"]
print(f"numpy {numpy.__version__} says {mean}")
(workspace / "output.data").write_text(json.dumps({"data": {"mean": mean, "agree": agree}}))
