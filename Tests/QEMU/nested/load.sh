#!/bin/sh
# Runs in a lab guest: loads FILE in QEMU on KVM, lets the guest run and waits for two more ticks.
# Prints what the guest said since; if QEMU refuses, what that says, on stderr, and ends with its status.
# usage: load.sh [--mapped-ram | --resave OUT] CPUS FILE [QEMU-ARGS...]
#   --resave OUT   before it runs, save its devices again to OUT
. nested.sh

kind='' resaved=''
case $1 in
  --resave) resaved=$2; shift 2 ;;
  --*) kind=$1; shift ;;
esac
[ $# -ge 2 ] || { echo "usage: load.sh [--mapped-ram | --resave OUT] CPUS FILE [QEMU-ARGS...]" >&2; exit 64; }
cpus=$1 file=$2
shift 2

loaded() { answered '{"execute": "query-status"}' '"status": "paused"'; }
load() {
  [ "$kind" != --mapped-ram ] || tell '{"execute": "migrate-set-capabilities", "arguments": {"capabilities":
    [{"capability": "mapped-ram", "state": true}]}}'
  tell '{"execute": "migrate-incoming", "arguments": {"uri": "file:'"$file"'"}}'
  within 600 loaded
}

start_qemu "$cpus" -incoming defer "$@"
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
