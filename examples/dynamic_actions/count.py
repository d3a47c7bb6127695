"""Counts the letters of its part."""

import json
import pathlib
import sys

workspace = pathlib.Path(sys.argv[1])
words = json.loads((workspace / "input.data").read_text())["words"]
letters = sum(len(word) for word in words)
print(f"{' '.join(words)}: {letters} letters")
(workspace / "output.data").write_text(json.dumps({"data": {"letters": letters}}))
