#!/bin/sh
# Runs in a lab guest: boots a guest of CPUS CPUs in QEMU on KVM, stops it after its third tick, saves it to FILE.
# Prints what the guest said.
# usage: save.sh [--after COMMAND] [--exec] CPUS FILE
#   --after COMMAND   which is run first, while the guest runs, and must succeed
#   --exec            FILE is a command, which reads the stream
. nested.sh

before='' kind=file
[ "$1" != --after ] || { before=$2; shift 2; }
[ "$1" != --exec ] || { kind='exec'; shift; }
[ $# -eq 2 ] || { echo "usage: save.sh [--after COMMAND] [--exec] CPUS FILE" >&2; exit 64; }

migrated() {
  ! answered '{"execute": "query-migrate"}' '"status": "failed"' || fail "the migration failed: $answer"
  answered '{"execute": "query-migrate"}' '"status": "completed"'
}

start_qemu "$1"
within 600 ticked 3
[ -z "$before" ] || sh -c "$before" >&2 || fail "$before"
tell '{"execute": "stop"}'
tell '{"execute": "migrate", "arguments": {"uri": "'"$kind:$2"'"}}'
within 600 migrated
end_qemu
guest_output
