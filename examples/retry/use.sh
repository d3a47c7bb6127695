#!/bin/sh
# Starts once fetch has succeeded; fetch's output is in its input.data under the name "fetch".
set -eu

cat "$1/input.data"
attempts=$(tr -d '\n' < "$1/input.data" | sed -n 's/.*"fetch": *{[^}]*"attempts": *\([0-9]*\).*/\1/p')
printf '{"data": {"message": "fetched after %d attempts"}}\n' "$attempts" > "$1/output.data"
