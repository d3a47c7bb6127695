"""Counts the words of the text in the task's input."""

from litepipeline_helper.models.action import Action

workspace, input_data = Action.get_input()
text = input_data.get("text", "to be or not to be")
words = text.split()
print(f"first: {len(words)} words in {workspace}", flush=True)
Action.set_output(data={"words": len(words)})
