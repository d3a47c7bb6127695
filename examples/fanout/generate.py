#!/usr/bin/env python3
"""Writes configuration.json: one action that splits the work, 100 that do a part of it each, one that joins the parts."""

import json
from pathlib import Path

PARTS = 100

names = [f"part-{number:03}" for number in range(PARTS)]
actions = [{"name": "split", "main": ["python3", "split.py", "{workspace}", str(PARTS)]}]
actions += [
    {"name": name, "condition": ["split"], "main": ["python3", "part.py", "{workspace}", str(number)]}
    for number, name in enumerate(names)
]
actions.append({"name": "join", "condition": names, "main": ["python3", "join.py", "{workspace}"]})

lines = ",\n".join("    " + json.dumps(action) for action in actions)
text = '{\n  "actions": [\n' + lines + '\n  ],\n  "output_action": "join"\n}\n'
Path(__file__).with_name("configuration.json").write_text(text)
