#!/bin/sh
# Serves until it is told to stop: SIGTERM ends it in order.
trap 'echo "told to stop"; exit 0' TERM
echo "serving as process $$"
while :; do
    sleep 1000 &
    wait $!
done
