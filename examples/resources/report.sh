#!/bin/sh
# Called as: report.sh WORKSPACE --nodaemon
set -eu

echo "$TITLE"
printf '{"data": {"title": "%s"}}\n' "$TITLE" > "$1/output.data"
