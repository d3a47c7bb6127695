#!/bin/sh
# Greets whom the task's input names. Called as: hello.sh WORKSPACE --nodaemon
set -eu

# input.data is JSON; a program in another language would parse it, here the one plain string is enough
name=$(sed -n 's/.*"name": *"\([^"\\]*\)".*/\1/p' "$1/input.data" | tail -n 1)
name=${name:-world}

echo "Hello, $name! This is attempt $LP_ATTEMPT of the action $LP_ACTION."
printf '{"data": {"greeting": "Hello, %s!"}}\n' "$name" > "$1/output.data"
