#!/bin/sh
# Runs in a lab guest: starts the test VMM and runs COMMAND with its process id in $VMM and the file that it writes to
# in $BEATS; dump is the file of --dump.
# Afterward the VMM must be as it was: heartbeat, guest, registers, memory map, descriptors and threads.
# usage: with-vmm.sh VMM-ARGS... -- COMMAND...
set -u
work=$(mktemp -d)

fail() {
  echo "with-vmm: $*" >&2
  tail -n 2 "$work/beats" >&2
  cat "$work/stderr" >&2
  [ ! -f "$work/after" ] || diff "$work/before" "$work/after" >&2
  cat "/proc/$VMM"/task/*/syscall >&2
  kill -KILL "$VMM"
  exit 3
}

beats() { grep -c '^beat .*guest' "$work/beats"; }
beaten() {
  target=$(($(beats) + $1)) waited=0
  until [ "$(beats)" -ge $target ]; do
    [ -d "/proc/$VMM/fd" ] || fail "the VMM has ended"
    [ $waited -lt 1200 ] || fail "the heart stopped"
    waited=$((waited + 1))
    sleep 0.1
  done
}

# What must not change; threads of --churn come and go, and their stacks.
look() {
  ls "/proc/$VMM/fd"
  grep -e SigBlk -e SigPnd -e SigCgt "/proc/$VMM/status"
  [ -n "$churn" ] || cat "/proc/$VMM/maps"
  [ -n "$churn" ] || ls "/proc/$VMM/task"
}

churn='' stopped='' arguments=''
while [ $# -gt 0 ] && [ "$1" != -- ]; do
  [ "$1" != --churn ] || churn=yes
  # None of these guests goes on: the first has been stopped, the others wait.
  case "$1 ${2:-}" in "--dump "* | "--mmio 100000000" | "--gic -" | "--idle "*) stopped=yes ;; esac
  arguments="$arguments $1"
  shift
done
shift
touch "$work/beats"
# shellcheck disable=SC2086 # the arguments are words
vmm $arguments >"$work/beats" 2>"$work/stderr" &
VMM=$!
BEATS=$work/beats
export VMM BEATS
beaten 4
look >"$work/before"
status=0
sh -c "$*" || status=$?
look >"$work/after"
cmp "$work/before" "$work/after" || fail "it is not as it was"
guest() { tail -n 1 "$work/beats" | sed 's/.*guest //'; }
first=$(guest)
beaten 3
goes_on() {
  for _ in $(seq 100); do
    [ "$(guest)" = "$first" ] || return 0
    beaten 1
  done
  return 1
}
[ -n "$stopped" ] || goes_on || fail "the guest does not go on"
grep -q 'errors [1-9]' "$work/beats" && fail "a thread's registers changed under it"
grep '^floor' "$work/stderr"
tail -n 1 "$work/beats"
kill -KILL $VMM
exit $status
