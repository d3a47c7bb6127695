"""Runs in an environment that was uploaded apart, and shows it."""

import sys

from litepipeline_helper.models.action import Action

workspace, input_data = Action.get_input()
words = input_data.get("text", "to be or not to be").split()
print(f"{len(words)} words, counted by {sys.prefix}")
Action.set_output(data={"words": len(words)})
