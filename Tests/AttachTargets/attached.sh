#!/bin/sh
# Runs in a lab guest: one of the checks below, most of them while the VMM of with-vmm.sh runs, whose id is in $VMM.
# usage: attached.sh CHECK [ARGS...]
set -eu

# refused TEXT COMMAND...: the command fails and says so.
refused() {
  text=$1
  shift
  status=0
  "$@" >said 2>&1 || status=$?
  cat said
  [ $status -ne 0 ] || { echo "it was not refused"; return 1; }
  grep -q -e "$text" said
}

# same METHOD...: what is read by each method is what the VMM has dumped itself. Counters run on while nothing else does:
# CNTPCT_EL0, CNTVCT_EL0.
same() {
  sort dump >its
  for method; do
    attach-proof dump "$VMM" "$method" >seen
    grep -v -e '^#' -e ' 76' seen | sort >mine
    echo "$(wc -l <mine) registers; $(tail -n 1 seen)"
    diff its mine | grep '^[-+][0-9]' | grep -v -e 603000000013df01 -e 603000000013df1a >differences || true
    cat differences
    [ -s mine ] && [ ! -s differences ]
  done
}

# same_devices METHOD...: what is read of the interrupt controller by each method is what the VMM has read itself in the
# file gic; what is more is where redistributors are.
same_devices() {
  sort gic >its
  for method; do
    attach-proof devices "$VMM" "$method" >seen
    grep -v -e '^#' seen | sort >mine
    echo "$(wc -l <mine) attributes of $(wc -l <its); $(tail -n 1 seen)"
    grep -v -x -F -f its mine | tee more || true
    [ "$(grep -c -v -e '^-1 0 5 ' more)" -eq 0 ]
    [ "$(wc -l <mine)" -gt 150 ]
  done
}

# devices_restored: all that same_devices compares is restored there, and left out where that is asked for.
devices_restored() {
  vcpusnap save "pid:$VMM" -o with
  vcpusnap save "pid:$VMM" --without gic -o without
  for change in "ICC_PMR_EL1 0x40" "GICR_ISENABLER0 0xff" "GICR_IPRIORITYR1 0x20304050" "GICD_ISENABLER1 0x70000001" \
    "GICD_ISPENDR2 0x100" "GICD_IPRIORITYR9 0xa0a0a0a0" "GICD_ICFGR2 0x2" "GIC_LINE_LEVEL1 0x3"; do
    # shellcheck disable=SC2086 # two words
    attach-proof write "$VMM" $change
  done
  vcpusnap set "pid:$VMM" GICD_IPRIORITYR10=0x30303030
  vcpusnap inject "pid:$VMM" irq 70
  vcpusnap diff with "pid:$VMM" >differences || [ $? -eq 1 ]
  grep -e 'GICD_IPRIORITYR10.* -> 0x30' differences
  grep -e 'GICD_ISPENDR2.70.*: 0x0 -> 0x1' differences
  [ "$(grep -c -e GICD_ -e GICR_ -e GIC_LINE -e ICC_ differences)" -ge 8 ]
  vcpusnap restore with "pid:$VMM" --policy exact
  vcpusnap diff with "pid:$VMM"
  [ "$(vcpusnap show without --format json | grep -c GICD_CTLR)" -eq 0 ]
}

# gic_not_ready: an interrupt controller that KVM does not tell is named, unless it was not to be saved.
gic_not_ready() {
  refused 'cannot read GIC_MODEL.*it is not initialized' vcpusnap save "pid:$VMM" -o saved
  vcpusnap verify saved
  vcpusnap save "pid:$VMM" --without gic -o saved
}

written() {
  attach-proof write "$VMM" X5 0x1234567890 | tee seen
  [ "$(grep -c -e '-> 0x1234567890' seen)" -eq 2 ]
  vcpusnap set "pid:$VMM" --vcpu 1 X5=0x55
  vcpusnap show "pid:$VMM" -r X5 | tee seen
  [ "$(grep -c -e 0x55 seen)" -eq 1 ]
}

# restored [there]: what is saved goes into a vCPU of this program's own, and there where it is from.
restored() {
  vcpusnap save "pid:$VMM" -o saved
  vcpusnap restore saved kvm:
  [ "${1:-}" = there ] || return 0
  vcpusnap restore saved "pid:$VMM" --policy exact
  vcpusnap diff saved "pid:$VMM" >/dev/null
}

# running: into vCPUs that run nothing is restored.
running() {
  vcpusnap save "pid:$VMM" -o saved
  refused 'its vCPUs are running' vcpusnap restore saved "pid:$VMM"
}

# named: nothing that a VMM calls itself reaches a terminal raw.
named() {
  program=./$(printf 'q\033[2J\302\233m')
  cp "$(command -v vmm)" "$program"
  "$program" >beats &
  VMM=$!
  within_a_minute "it does not start" has_lines beats 4
  vcpusnap list | tee said
  vcpusnap list --format json | tee -a said
  vcpusnap save "pid:$VMM" -o saved 2>&1 | tee -a said
  vcpusnap show saved | head -n 20 | tee -a said
  grep -q -F 'q\u{1b}[2J' said
  LC_ALL=C grep -q "$(printf '\033')" said && return 1
  LC_ALL=C grep -q "$(printf '\302\233')" said && return 1
  kill "$VMM"
}

# within_a_minute COMPLAINT COMMAND...: the command succeeds by then; or COMPLAINT is said.
within_a_minute() {
  complaint=$1 waited=0
  shift
  until "$@"; do
    [ "$waited" -lt 600 ] || { echo "$complaint"; return 1; }
    waited=$((waited + 1))
    sleep 0.1
  done
}

# has_lines FILE COUNT: at least so many.
has_lines() { [ "$(wc -l <"$1")" -ge "$2" ]; }

# unmapped: what calls left behind, when the program that made them ended, ends by itself; it was as in the file maps.
unmapped() { within_a_minute "there is something left after a minute" cmp -s maps "/proc/$VMM/maps"; }

# arrived NUMBER: so many signals have come to the VMM, or do.
have_come() { tail -n 1 "$BEATS" | grep -q "signals $1 "; }
arrived() { within_a_minute "signal $1 was lost" have_come "$1"; }

# aborted COUNT METHOD: signals like those of faulty code, which somebody sends meanwhile, arrive one by one.
aborted() {
  cat "/proc/$VMM/maps" >maps
  # Until the first has come, a second would be one with it.
  kill -ABRT "$VMM"
  arrived 1
  attach-proof loop "$VMM" 1000000 "$2" &
  loop=$!
  for number in $(seq 2 "$1"); do
    kill -ABRT "$VMM"
    arrived "$number"
  done
  kill $loop
  unmapped
}
# steps METHOD..., random_steps COUNT SEED METHOD...: signals of every kind arrive, and all is as it was, whatever step
# they come at, the time is up at, or the program is killed at.
steps() { for method; do attach-proof steps "$VMM" counts "$method"; done; }
random_steps() {
  count=$1 seed=$2
  shift 2
  for method; do attach-proof random-steps "$VMM" counts "$count" "$seed" "$method"; done
}

# stopped: a process that was stopped stays stopped; one that is stopped meanwhile, and not told to go on, is stopped
# afterward.
is_traced() { ! grep -q 'TracerPid:.0$' "/proc/$VMM/status"; }
in_state() { grep -q "^State:.$1" "/proc/$VMM/status"; }
stopped() {
  cat "/proc/$VMM/maps" >maps
  kill -STOP "$VMM"
  within_a_minute "it does not stop" in_state T
  attach-proof loop "$VMM" 5
  within_a_minute "it goes on" in_state T
  kill -CONT "$VMM"
  attach-proof loop "$VMM" 1000000 &
  loop=$!
  within_a_minute "it is not attached to" is_traced
  for _ in $(seq 20); do kill -STOP "$VMM" && kill -CONT "$VMM"; done
  kill -STOP "$VMM"
  kill $loop
  within_a_minute "it does not stop" in_state T
  kill -CONT "$VMM"
  unmapped
}

# MARK: Filters

# through_stack [OPTION]: saves by calls through the stack, and all vCPUs but for their events.
through_stack() {
  status=0
  vcpusnap save "pid:$VMM" -o saved "$@" 2>said || status=$?
  cat said
  grep -q "through its stack" said
  vcpusnap verify saved
}
all_but_events() {
  through_stack "$@"
  [ $status -eq 1 ] && grep -q 'vCPUs 0-1: cannot read VCPU_EVENTS.*seccomp' said
}
everything() {
  through_stack
  [ $status -eq 0 ]
}
not_read() { refused 'ioctl KVM_GET_REG_LIST, ioctl KVM_GET_ONE_REG' vcpusnap save "pid:$VMM" -o saved --despite-filter; }
not_written() {
  within_a_minute "the guest does not write to its device" waits_for_device
  refused 'forbid.*ioctl KVM_SET_ONE_REG' vcpusnap restore saved "pid:$VMM"
}
at_ones_risk() {
  refused 'CAP_SYS_ADMIN' vcpusnap save "pid:$VMM" -o saved
  all_but_events --despite-filter
}

# trapped: it is as it was, and has not got the signal.
trapped() {
  refused 'ended with signal 31; what they had changed was put back' \
    vcpusnap save "pid:$VMM" -o saved --despite-filter
}

# MARK: Exits

# exit_reasons: that of each vCPU in the file saved, a line each.
exit_reasons() { vcpusnap show saved --format json | grep -A 1 'exit-reason' | sed -n 's/.*"value" : "\(.*\)"/\1/p'; }

# settled: until it had to be read again at least once.
settled() {
  for number in $(seq 1000); do
    vcpusnap save "pid:$VMM" --settle -o saved 2>>said || { cat said; return 1; }
    exit_reasons >>reasons
    [ "$number" -lt 10 ] || ! grep -q 'read [0-9]* times' said || break
  done
  cat said
  sort reasons | uniq -c
  grep -q 'read [0-9]* times' said
  [ "$(wc -l <reasons)" -eq $((2 * number)) ]
  ! grep MMIO reasons
}
waits_for_device() {
  vcpusnap save "pid:$VMM" -o saved 2>said || [ $? -eq 1 ]
  [ "$(exit_reasons)" = MMIO ]
}
unsettled() {
  within_a_minute "the guest does not write to its device" waits_for_device
  cat said
  grep -q 'vCPU 0 waits for the answer to MMIO' said
  vcpusnap restore saved kvm: 2>said
  grep 'vCPU 0 was saved while it waited for the answer to MMIO' said
  refused 'still in the middle of an exit: vCPU 0 (MMIO)' vcpusnap save "pid:$VMM" --settle -o more
  [ ! -e more ]
}

# MARK: Several VMs

# two_vms: each can be saved when it is named. X5 tells whose vCPU it is.
two_vms() {
  vcpusnap list
  refused 'name one of its VMs: pid:' vcpusnap save "pid:$VMM" -o saved
  # shellcheck disable=SC2046 # two words
  set -- $(vcpusnap list | grep -o "pid:[0-9]*/[0-9]*")
  [ $# -eq 2 ]
  vcpusnap save "$1" -o first
  vcpusnap save "$2" -o second
  [ "$(vcpusnap show first | grep -c '^ *x5 .*0x555[56]$')" -eq 2 ]
  [ "$(vcpusnap show second | grep -c '^ *x5 .*0x5$')" -eq 1 ]
}
not_told_apart() {
  vcpusnap list | grep "is not known"
  refused 'it is not known which of them a vCPU belongs to' vcpusnap save "pid:$VMM" -o saved
}

# MARK: What cannot be done

no_vmm() {
  refused 'there is no such process' vcpusnap show pid:99999
  refused 'no KVM VM with vCPUs' vcpusnap show pid:$$
}
from_another_namespace() { refused 'not in this pid namespace' unshare -p -f vcpusnap show "pid:$VMM"; }
in_a_namespace() {
  unshare -p -f vmm >beats &
  within_a_minute "it does not start" [ -s beats ]
  attach-proof loop "$(pidof vmm)" 5
  number=$(wc -l <beats)
  within_a_minute "it does not go on" has_lines beats $((number + 5))
  tail -n 1 beats | grep 'errors 0'
}
not_initialized() {
  refused 'has not initialized vCPU 1' vcpusnap save "pid:$VMM" -o saved
  [ ! -e saved ]
}
# waiting TEXT VMM-ARGS...: a VMM that waits for ever is refused, as soon as it does, and waits on.
waiting() {
  reason=$1
  shift
  vmm "$@" &
  VMM=$!
  within_a_minute "it is not refused" refused "$reason" vcpusnap save "pid:$VMM" -o saved
  within_a_minute "it does not wait on" in_state S
}
traced() {
  mkfifo input
  attach-proof hold "$VMM" <input &
  exec 3>input
  within_a_minute "it is not attached to" is_traced
  refused 'is tracing it already' vcpusnap show "pid:$VMM"
  exec 3>&-
  wait $!
}

# not_stopping: a thread that cannot be stopped; the others are let go.
not_stopping() {
  refused 'thread [0-9]* does not stop: it waits inside the kernel' vcpusnap show "pid:$VMM"
  ! grep TracerPid "/proc/$VMM"/task/*/status | grep -v 'TracerPid:.0$'
}

# starts VMM-ARGS...: a VMM, whose id is $! then, and which beats.
starts() {
  : >beats
  vmm "$@" >beats &
  within_a_minute "it does not start" [ -s beats ]
}

# ended_at STEPS: the VMM is killed at each of that many steps and then at every fifth. That is what is said, and it is
# gone while the program that attached is still there.
ended_at() {
  step=0
  while true; do
    starts --vcpus 2 --counted counts
    status=0
    attach-proof ended $! counts "$step" >said || status=$?
    [ $status -ne 8 ] || break
    [ $status -eq 0 ] || { echo "step $step"; cat said; return 1; }
    if [ "$step" -lt "$1" ]; then step=$((step + 1)); else step=$((step + 5)); fi
  done
  echo "$step steps"
  kill -KILL $!
}

# ending COUNT: whatever it was at when the VMM ended, that is what is said.
ending() {
  for _ in $(seq "$1"); do
    starts --beats 3
    refused '\(ended in the meantime\|no such process\)' attach-proof loop $! 1000000
  done
}

# as_user COMMAND...: as one who may use KVM, and nothing more.
as_user() {
  grep -q '^u:' /etc/passwd || echo u:x:1000:1000::/:/bin/sh >>/etc/passwd
  chmod 666 /dev/kvm
  su u -c "$*"
}
# another's TEXT: the VMM of another user; and yama's levels (kernel.yama.ptrace_scope).
users() {
  vmm >theirs &
  as_user "vmm >/tmp/mine" &
  within_a_minute "it does not start" [ -s theirs ]
  within_a_minute "it does not start" [ -s /tmp/mine ]
  theirs='' mine=''
  for pid in $(pidof vmm); do
    if grep -q "Uid:.1000" "/proc/$pid/status"; then mine=$pid; else theirs=$pid; fi
  done
  scope() { echo "$1" >/proc/sys/kernel/yama/ptrace_scope; }
  refused "no permission" as_user "vcpusnap show pid:$theirs"
  as_user "vcpusnap show pid:$mine >/dev/null"
  scope 1
  refused "ptrace_scope is 1" as_user "vcpusnap show pid:$mine"
  scope 2
  refused "ptrace_scope is 2" as_user "vcpusnap show pid:$mine"
  vcpusnap show "pid:$mine" >/dev/null
  scope 3
  refused "until the next boot" vcpusnap show "pid:$mine"
  for file in theirs /tmp/mine; do
    number=$(wc -l <"$file")
    within_a_minute "it does not go on" has_lines "$file" $((number + 5))
  done
  tail -n 1 theirs /tmp/mine
  ! grep "errors [1-9]" theirs /tmp/mine
}
# unprivileged FILTER CHECK
unprivileged() { as_user "cd \$(mktemp -d) && with-vmm.sh --vcpus 2 --filter $1 -- attached.sh $2"; }

# MARK: QEMU

# differing: the registers that are not equal, by the JSON of diff; of devices only those that both sides have.
differing() {
  awk '/"registers"/ { counts = 1 } /"volatile"/ { counts = 0 } /"id"/ { own = counts; left = 0 } /"left"/ { left = own }
    /"category"/ { own = 0; isOfDevice = /"(interrupt controller|clock|device attributes)"/ }
    /"name"/ { name = $3; if (own && !isOfDevice) print name }
    /"right"/ && own && left && isOfDevice && name !~ /UNKNOWN_STATE/ { print name }'
}

# as_qemu: what is saved is what is in the file stream, and can be restored there. KVM tells more of devices than QEMU keeps.
as_qemu() {
  vcpusnap list
  pid=$(pidof qemu-system-aarch64)
  vcpusnap save "pid:$pid" -o saved
  vcpusnap diff saved stream --format json >compared || [ $? -eq 1 ]
  differing <compared | tee differences
  [ ! -s differences ]
  vcpusnap restore saved "pid:$pid" --policy exact
  as_qemu_has_routes "$pid"
}

# as_qemu_has_routes PID: QEMU asks KVM for each route at the place of another.
as_qemu_has_routes() {
  vcpusnap set "pid:$1" GICD_IROUTER40=1 GICD_IROUTER41=0x100 GICD_IROUTER143=0x10203
  vcpusnap save "qmp:$QMP" -o routes
  vcpusnap show routes -r 'GICD_IROUTER*' | tee routed
  [ "$(grep -c -e 'GICD_IROUTER40 .*0x1$' -e 'GICD_IROUTER41 .*0x100$' -e 'GICD_IROUTER143 .*0x10203$' routed)" -eq 3 ]
  vcpusnap set "pid:$1" GICD_IROUTER40=0 GICD_IROUTER41=0 GICD_IROUTER143=0
}

# qemu TIMES: nothing is left behind in it, and what the program saves while it ticks on is sound.
qemu() {
  pid=$(pidof qemu-system-aarch64)
  look() {
    grep -v heap "/proc/$pid/maps"
    ls "/proc/$pid/fd" "/proc/$pid/task"
  }
  look >before
  attach-proof loop "$pid" "$1"
  for _ in 1 2 3 4 5; do vcpusnap save "pid:$pid" --settle -o running; done
  vcpusnap verify running
  look >after
  cmp before after
}

"$@"
