#!/bin/sh
# Makes the directory `pack` with bin/count-words, one program that needs nothing of the machine it runs on.
set -eu

to=${1:-pack}
mkdir -p "$to/bin"
"${CC:-cc}" -static -O2 -o "$to/bin/count-words" "$(dirname "$0")/count-words.c"
