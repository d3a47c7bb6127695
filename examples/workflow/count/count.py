"""Splits the lines the application `fetch` has left into words, and counts them. `unit` says what is counted."""

import json
import sys

step, workspace = sys.argv[1:]
with open(f"{workspace}/input.data") as file:
    given = json.load(file)

if step == "split":
    # what another application of the workflow left stands under its name
    words = [word for line in given["fetch"]["lines"] for word in line.split()]
    data = {"words": words if given["unit"] == "words" else list("".join(words))}
else:
    # what another action of this application left stands under its name, too
    data = {"unit": given["unit"], "count": len(given["split"]["words"])}

print(step, data)
with open(f"{workspace}/output.data", "w") as file:
    json.dump({"data": data}, file)
