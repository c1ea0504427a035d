# What the scripts in this folder share. Sourced, in a lab guest with QEMU (Scripts/lab run --vmm): busybox sh.
# shellcheck shell=sh

NESTED=/tmp/nested
# The same on both sides of a migration, so with a version.
MACHINE=virt-10.0,gic-version=3

# Memory in a file, for start_qemu, and that it stays out of the stream.
# shellcheck disable=SC2034 # used by those that source this
MEMORY="-object memory-backend-file,id=ram,size=256M,share=on,mem-path=$NESTED/ram -machine memory-backend=ram"
ignore_memory() {
  tell '{"execute": "migrate-set-capabilities",
    "arguments": {"capabilities": [{"capability": "x-ignore-shared", "state": true}]}}'
}

fail() {
  echo "nested: $*" >&2
  [ ! -s $NESTED/stderr ] || sed 's/^/nested: QEMU says: /' $NESTED/stderr >&2
  [ ! -s $NESTED/serial ] || tail -n 5 $NESTED/serial | sed 's/^/nested: guest says: /' >&2
  exit 3
}

# within SECONDS CONDITION...: waits for it; fails at once when QEMU has ended.
within() {
  deadline=$(($(date +%s) + $1))
  shift
  until "$@"; do
    [ ! -f $NESTED/status ] || fail "QEMU ended with status $(cat $NESTED/status) before: $*"
    [ "$(date +%s)" -lt $deadline ] || fail "not within the time: $*"
    sleep 0.1
  done
}

# start_qemu CPUS [ARGS...]: in the background, with -cpu $CPU, by default host. What it leaves is in $NESTED: serial (the guest's output), stderr,
# status (once it ended), and qmp.sock, a QMP socket for others than these scripts.
start_qemu() {
  cpus=$1
  shift
  rm -rf $NESTED
  mkdir -p $NESTED/root/bin $NESTED/root/dev $NESTED/root/proc
  cp /bin/busybox $NESTED/root/bin/
  ln -s busybox $NESTED/root/bin/sh
  cp "$(command -v nested-init)" $NESTED/root/init
  (cd $NESTED/root && find . | cpio -o -H newc) >$NESTED/initrd 2>/dev/null
  mkfifo $NESTED/qmp.in $NESTED/qmp.out
  (
    status=0
    qemu-system-aarch64 -accel kvm -cpu "${CPU:-host}" -M $MACHINE -smp "$cpus" -m 256 -nodefaults -display none \
      -kernel /vmm/Image -initrd $NESTED/initrd -append "console=ttyAMA0 quiet panic=-1 kpti=0" -no-reboot \
      -serial file:$NESTED/serial -qmp pipe:$NESTED/qmp -qmp unix:$NESTED/qmp.sock,server=on,wait=off \
      "$@" </dev/null 2>$NESTED/stderr || status=$?
    echo $status >$NESTED/.status
    mv $NESTED/.status $NESTED/status
    # For who waits for an answer: no end of file tells that QEMU ended, because the pipe is open on both sides.
    echo ended 1<>$NESTED/qmp.out
  ) &
  job=$!
  # Open for reading and writing, so that neither side waits for the other to open it.
  exec 3<>$NESTED/qmp.in 4<>$NESTED/qmp.out
  answer=$(qmp '{"execute": "qmp_capabilities"}') || fail "QMP: $answer"
}

# qmp COMMAND: sends it and prints QEMU's answer. 1 if that is an error, 2 if there is none.
qmp() {
  echo "$1" >&3
  # A time that is up in the middle of a line would lose what of it was read, so there is one long time for each.
  # shellcheck disable=SC3045 # busybox has it
  while [ ! -f $NESTED/status ] && read -r -t 30 line <&4; do
    case $line in
      '{"return"'*) echo "$line"; return 0 ;;
      '{"error"'*) echo "$line"; return 1 ;;
    esac
  done
  echo "no answer"
  return 2
}
tell() { answer=$(qmp "$1") || fail "QMP: $1: $answer"; }

save_devices() { tell '{"execute": "xen-save-devices-state", "arguments": {"filename": "'"$1"'"}}'; }

end_qemu() {
  qmp '{"execute": "quit"}' >$NESTED/quit
  wait "$job"
}

# answered COMMAND TEXT: TEXT is in the answer.
answered() {
  tell "$1"
  case $answer in *"$2"*) return 0 ;; esac
  return 1
}

# Its terminal ends lines with CR LF. A guest that was stopped in the middle of a line ends the line elsewhere.
guest_output() { tr -d '\r' <$NESTED/serial; }
whole_lines() { guest_output | head -n "$(wc -l <$NESTED/serial)"; }
ticks() { whole_lines | grep -c '^tick '; }
ticked() { [ "$(ticks)" -ge "$1" ]; }
