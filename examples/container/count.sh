# Called with the workspace as its first argument, as everywhere; in the container that is /opt/workspace.
workspace=$1

text=$(sed -n 's/.*"text": *"\([^"]*\)".*/\1/p' "$workspace/input.data")
count=$(echo "$text" | wc -w)

echo "$count $UNIT in '$text', counted in $(pwd) of a container"
echo "{\"data\": {\"count\": $count, \"unit\": \"$UNIT\"}}" > "$workspace/output.data"
