#!/bin/sh
# Runs in a lab guest: loads each STREAM, saved with save.sh --small, in QEMU on KVM, and does not let the guest run.
# Of each, FOLDER gets STREAM.said, "loaded" or the status that QEMU ended with, and what it printed; and, if it loaded,
# STREAM.resaved, its devices.
# usage: moves.sh CPUS FOLDER STREAM...
. nested.sh

[ $# -ge 3 ] || { echo "usage: moves.sh CPUS FOLDER STREAM..." >&2; exit 64; }
cpus=$1 folder=$2
shift 2
mkdir -p "$folder"

loaded() { answered '{"execute": "query-status"}' '"status": "paused"'; }
load() {
  ignore_memory
  tell '{"execute": "migrate-incoming", "arguments": {"uri": "file:'"$1"'"}}'
  within 600 loaded
  save_devices "$2.resaved"
}

for stream; do
  name=$folder/$(basename "$stream")
  # shellcheck disable=SC2086 # the arguments are words
  start_qemu "$cpus" -incoming defer $MEMORY
  if (load "$stream" "$PWD/$name") 2>$NESTED/problem; then
    end_qemu
    said=loaded
  else
    # QEMU refuses a stream by ending.
    [ -f $NESTED/status ] || { cat $NESTED/problem >&2; exit 3; }
    said=$(cat $NESTED/status)
  fi
  { echo "$said"; cat $NESTED/stderr; } >"$name.said"
done
