"""Counts the words of a text with a package that comes from the environment."""
import json
import os
import sys

import lpwords

workspace = sys.argv[1]
with open(os.path.join(workspace, "input.data")) as file:
    text = json.load(file).get("text", "")
found = {"words": lpwords.count(text), "version": lpwords.__version__}
print(f"{found['words']} words, counted in {sys.prefix}")
with open(os.path.join(workspace, "output.data"), "w") as file:
    json.dump({"data": found}, file)
