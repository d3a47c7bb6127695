#!/bin/sh
# Fails twice and then succeeds, as a service that is being restarted would make it.
set -eu

if [ "$LP_ATTEMPT" -lt 3 ]; then
    echo "attempt $LP_ATTEMPT: the service is not there yet"
    exit 75 # EX_TEMPFAIL: come back later
fi
echo "attempt $LP_ATTEMPT: got it"
printf '{"data": {"attempts": %d}}\n' "$LP_ATTEMPT" > "$1/output.data"
