"""Adds up what all the parts have counted: their outputs are in the input, by name."""

import json
import pathlib
import sys

workspace = pathlib.Path(sys.argv[1])
given = json.loads((workspace / "input.data").read_text())
counts = {name: output["letters"] for name, output in given.items() if name.startswith("count_")}
print(f"{len(counts)} of {given['split']['parts']} parts have counted")
(workspace / "output.data").write_text(json.dumps({"data": {"letters": sum(counts.values()), "parts": len(counts)}}))
