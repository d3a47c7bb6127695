# Stands for a message to somebody. `result` in the input has what became of each action.
echo "the task $LP_TASK_NAME has ended: $LP_ACTION"
cp "$1/input.data" "$1/told.json"
