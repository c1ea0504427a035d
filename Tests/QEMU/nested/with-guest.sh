#!/bin/sh
# Runs in a lab guest: boots a guest in QEMU on KVM and runs COMMAND while it ticks; $QMP is QEMU's QMP socket.
# The guest must tick on afterward. Ends with COMMAND's status.
# usage: with-guest.sh [--stopped FILE] CPUS COMMAND...; $ARGUMENTS are more words for QEMU, $CPU those of its -cpu
#   --stopped FILE   stop the guest while COMMAND runs, and save its devices at that stop to FILE too
. nested.sh

stopped=
[ "$1" != --stopped ] || { stopped=$2; shift 2; }
[ $# -ge 2 ] || { echo "usage: with-guest.sh [--stopped FILE] CPUS COMMAND..." >&2; exit 64; }
# shellcheck disable=SC2086 # words
start_qemu "$1" $ARGUMENTS
shift
within 600 ticked 3
if [ -n "$stopped" ]; then
  tell '{"execute": "stop"}'
  save_devices "$stopped"
fi
status=0
QMP=$NESTED/qmp.sock sh -c "$*" || status=$?
[ -z "$stopped" ] || tell '{"execute": "cont"}'
within 600 ticked $(($(ticks) + 2))
end_qemu
whole_lines | tail -n 1
exit $status
