"""Finds the longest word, at the same time as first.py counts them."""

from litepipeline_helper.models.action import Action

workspace, input_data = Action.get_input()
text = input_data.get("text", "to be or not to be")
longest = max(text.split(), key=len, default="")
print(f"second: the longest word is {longest!r}", flush=True)
Action.set_output(data={"longest": longest})
