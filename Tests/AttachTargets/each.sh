#!/bin/sh
# Runs in a lab guest: every check of a file, each in a folder of its own, and says of each what it printed, how
# it ended and how many seconds it took.
# usage: each.sh FILE
# A line of FILE is "NAME | COMMAND", which may take half an hour: many times what any takes. $SHARE is the folder that
# each.sh was started in.
set -u
SHARE=$PWD
export SHARE
checks=$(command -v "$1")
while IFS='|' read -r name command; do
  folder=$(mktemp -d)
  status=0
  start=$(date +%s)
  (cd "$folder" && timeout 1800 sh -c "set -e; $command") >"$folder/printed" 2>&1 </dev/null || status=$?
  sed 's/^/        /' "$folder/printed"
  echo "each: $status $(($(date +%s) - start)) ${name% }"
done <"$checks"
