"""Says what was counted, for whom the work's input names."""

import json
import sys

workspace = sys.argv[1]
with open(f"{workspace}/input.data") as file:
    given = json.load(file)

parts = [f"{given[name]['count']} {given[name]['unit']}" for name in ("words", "letters")]
message = f"{given.get('title', 'The text')} has {' and '.join(parts)}."
print(message)
with open(f"{workspace}/output.data", "w") as file:
    json.dump({"data": {"message": message}}, file)
