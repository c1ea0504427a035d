# Sourced by Scripts/test-kvm, test-qemu and test-attach: what tests in the lab share.
# shellcheck shell=bash

passed=0
failed=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# check NAME COMMAND...: counts whether the command succeeds, and says how long it took.
check() {
  local name=$1 status=0 start=$SECONDS seconds
  shift
  "$@" || status=$?
  seconds=${took:-$((SECONDS - start))}
  if [ "$status" -eq 0 ]; then
    passed=$((passed + 1))
    [ "$seconds" -eq 0 ] || name+=" ($seconds s)"
    echo "ok      $name"
  else
    failed=$((failed + 1))
    echo "FAILED  $name (status $status)"
  fi
}

# expect STATUS COMMAND...: succeeds when the command ends with that status.
expect() {
  local expected=$1 status=0
  shift
  "$@" || status=$?
  [ "$status" -eq "$expected" ] || { echo "        status $status, expected $expected"; return 1; }
}

# into FILE COMMAND...: with its output in FILE.
into() {
  local file=$1
  shift
  "$@" >"$file"
}

# begin NAME COMMAND...: as check, beside others that were begun, as many at a time as there are processors.
begun=()
begin() {
  local output=$work/begun-${#begun[@]}
  begun+=("$1")
  shift
  while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do wait -n || true; done
  { local start=$SECONDS
    "$@" >"$output" 2>&1 && echo $((SECONDS - start)) >"$output.passed"; } &
}

# await: waits for all that were begun, and says and counts them in order.
await() {
  local number output took
  wait || true
  for number in "${!begun[@]}"; do
    output=$work/begun-$number
    cat "$output"
    took=$(cat "$output.passed" 2>/dev/null) || true
    check "${begun[number]}" test -e "$output.passed"
    rm -f "$output" "$output.passed"
  done
  begun=()
}

# made CHECKS OUTPUT: counts the checks of a file that each.sh made, each line "NAME | COMMAND", by what it printed.
made() {
  local line name status seconds took
  local -A passes=()
  while read -r _ status seconds name; do
    [ "$status" -ne 0 ] || passes[$name]=$seconds
  done < <(grep '^each: ' "$2")
  while IFS= read -r line; do
    name=${line%% |*}
    took=${passes[$name]-}
    check "$name" test -n "$took"
  done <"$1"
}

# finish: says what was counted; the status is whether nothing failed.
finish() {
  echo "$passed passed, $failed failed"
  [ "$failed" -eq 0 ]
}

# set_up WHAT ARGUMENT...: sets the lab up; ends the tests where that is impossible, which passes with a
# word of WHAT was left out, and in CI fails.
set_up() {
  local what=$1 status=0
  shift
  Scripts/lab setup "$@" 2>"$work/setup.log" || status=$?
  [ "$status" -ne 0 ] || return 0
  tail -n 1 "$work/setup.log"
  [ "$status" -eq 69 ] && [ "${CI:-}" != true ] && { echo "SKIPPED: $what"; exit 0; }
  exit 1
}

# build_here: builds the program for this machine, as Scripts/test has done; its path is $vcpusnap.
build_here() {
  vcpusnap=$work/vcpusnap
  Scripts/build-static "$vcpusnap" >"$work/build.log" 2>&1 || { tail -n 40 "$work/build.log"; exit 1; }
}

# build PRODUCT: builds it for the lab, into the folder $bin.
build() {
  Scripts/lab swift-build --package-path Tests/Proofs --product "$1" -Xswiftc -warnings-as-errors >"$work/build.log" 2>&1 ||
    { tail -n 40 "$work/build.log"; exit 1; }
  bin=$(tail -n 1 "$work/build.log")
}
