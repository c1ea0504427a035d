#!/bin/sh
# Runs in a lab guest: boots a guest of CPUS CPUs in QEMU on KVM, stops it after its third tick, saves it to FILE.
# Prints what the guest said.
# usage: save.sh [--after COMMAND] [--small] [--exec] CPUS FILE
#   --after COMMAND   which is run first, while the guest runs, and must succeed
#   --small           leave the guest's memory out
#   --exec            FILE is a command, which reads the stream
. nested.sh

before='' memory='' kind=file
[ "$1" != --after ] || { before=$2; shift 2; }
[ "$1" != --small ] || { memory=$MEMORY; shift; }
[ "$1" != --exec ] || { kind='exec'; shift; }
[ $# -eq 2 ] || { echo "usage: save.sh [--after COMMAND] [--small] [--exec] CPUS FILE" >&2; exit 64; }

migrated() {
  ! answered '{"execute": "query-migrate"}' '"status": "failed"' || fail "the migration failed: $answer"
  answered '{"execute": "query-migrate"}' '"status": "completed"'
}

# shellcheck disable=SC2086 # the arguments are words
start_qemu "$1" $memory
within 600 ticked 3
[ -z "$before" ] || sh -c "$before" >&2 || fail "$before"
tell '{"execute": "stop"}'
[ -z "$memory" ] || ignore_memory
tell '{"execute": "migrate", "arguments": {"uri": "'"$kind:$2"'"}}'
within 600 migrated
end_qemu
guest_output
