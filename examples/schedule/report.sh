#!/bin/sh
# A report of the machine's disk. Called as: report.sh WORKSPACE --nodaemon
set -eu

used=$(df -P "$1" | awk 'NR == 2 {print $5}' | tr -d %)
echo "the disk is used to $used %"
printf '{"data": {"used_percent": %d}}\n' "$used" > "$1/output.data"
