#!/bin/sh
# Runs in a lab guest: loads FILE in QEMU on KVM, lets the guest run and waits for two more ticks.
# Prints what the guest said since; if QEMU refuses, what that says, on stderr, and ends with its status.
# usage: load.sh [--resave OUT] CPUS FILE
#   --resave OUT   before it runs, save its devices again to OUT
. nested.sh

resaved=''
[ "$1" != --resave ] || { resaved=$2; shift 2; }
[ $# -eq 2 ] || { echo "usage: load.sh [--resave OUT] CPUS FILE" >&2; exit 64; }
file=$2

loaded() { answered '{"execute": "query-status"}' '"status": "paused"'; }
load() {
  tell '{"execute": "migrate-incoming", "arguments": {"uri": "file:'"$file"'"}}'
  within 600 loaded
}

start_qemu "$1" -incoming defer
if ! (load) 2>$NESTED/problem; then
  # QEMU refuses a stream by ending.
  [ -f $NESTED/status ] || { cat $NESTED/problem >&2; exit 3; }
  cat $NESTED/stderr >&2
  exit "$(cat $NESTED/status)"
fi
[ -z "$resaved" ] || save_devices "$resaved"
tell '{"execute": "cont"}'
within 600 ticked 2
end_qemu
whole_lines
