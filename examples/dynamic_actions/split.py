"""Makes an action for each part of a text: how many there are is known only now."""

import json
import pathlib
import sys

workspace = pathlib.Path(sys.argv[1])
text = json.loads((workspace / "input.data").read_text()).get("text", "to be or not to be")
words = text.split()
size = 2
parts = [words[begin : begin + size] for begin in range(0, len(words), size)]
actions = [
    {
        "name": f"count_{number:03}",
        "main": "python3 count.py",
        "input_data": {"words": part},
        "to_action": "sum",
    }
    for number, part in enumerate(parts)
]
print(f"{len(words)} words make {len(actions)} actions")
(workspace / "output.data").write_text(json.dumps({"data": {"parts": len(parts)}, "actions": actions}))
