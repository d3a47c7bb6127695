#!/bin/sh
# Called as: work.sh NAME WORKSPACE --nodaemon
set -eu

echo "$1 works on node $LP_NODE_ID"
printf '{"data": {"finished": "%s"}}\n' "$1" > "$2/output.data"
