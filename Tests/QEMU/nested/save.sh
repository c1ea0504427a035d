#!/bin/sh
# Runs in a lab guest: boots a guest of CPUS CPUs in QEMU on KVM, stops it after its third tick, saves it to FILE.
# Prints what the guest said.
# usage: save.sh [--after COMMAND] [--mapped-ram | --devices | --exec] CPUS FILE [QEMU-ARGS...]
#   --after COMMAND   which is run first, while the guest runs, and must succeed
#   --mapped-ram   the stream has a fixed place for every page of RAM
#   --devices      a stream without RAM (xen-save-devices-state)
#   --exec         FILE is a command, which reads the stream
. nested.sh

before='' kind=''
[ "$1" != --after ] || { before=$2; shift 2; }
case $1 in --*) kind=$1; shift ;; esac
[ $# -ge 2 ] || {
  echo "usage: save.sh [--after COMMAND] [--mapped-ram | --devices | --exec] CPUS FILE [QEMU-ARGS...]" >&2
  exit 64
}
cpus=$1 file=$2
shift 2

migrated() {
  ! answered '{"execute": "query-migrate"}' '"status": "failed"' || fail "the migration failed: $answer"
  answered '{"execute": "query-migrate"}' '"status": "completed"'
}

start_qemu "$cpus" "$@"
within 600 ticked 3
[ -z "$before" ] || sh -c "$before" >&2 || fail "$before"
tell '{"execute": "stop"}'
case $kind in
  --devices) save_devices "$file" ;;
  --mapped-ram)
    tell '{"execute": "migrate-set-capabilities", "arguments": {"capabilities":
      [{"capability": "mapped-ram", "state": true}]}}'
    tell '{"execute": "migrate", "arguments": {"uri": "file:'"$file"'"}}'
    ;;
  --exec) tell '{"execute": "migrate", "arguments": {"uri": "exec:'"$file"'"}}' ;;
  '') tell '{"execute": "migrate", "arguments": {"uri": "file:'"$file"'"}}' ;;
  *) fail "there is no $kind" ;;
esac
[ "$kind" = --devices ] || within 600 migrated
end_qemu
guest_output
