"""Joins what first.py and second.py have found out."""

from litepipeline_helper.models.action import Action

workspace, input_data = Action.get_input()
words = input_data["first"]["words"]
longest = input_data["second"]["longest"]
message = f"{words} words, the longest of them is {longest!r}"
print(f"third: {message}", flush=True)
Action.set_output(data={"message": message})
