# Scripts/lab run, shell and cc. Sourced, never run.
# shellcheck shell=bash

# In the order in which they must be loaded.
LAB_MODULES="virtio virtio_ring virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_mmio virtio_blk virtio_console"

# pack_initrd OUT MODULES-DIR: userland, modules and init as one archive.
pack_initrd() {
  local out=$1 modules=$2 stage name
  stage=$(mktemp -d "${TMPDIR:-/tmp}/vcpusnap-lab.XXXXXX")
  cp -a "$LAB_CACHE/userland/." "$stage/"
  mkdir -p "$stage/lab/modules"
  for name in $LAB_MODULES; do
    [[ -f $modules/$name.ko ]] && cp "$modules/$name.ko" "$stage/lab/modules/"
  done
  echo "$LAB_MODULES" >"$stage/lab/modules/order"
  install -m 755 "$LAB_PARTS/guest-init" "$stage/init"
  archive "$stage" >"$out.$$"
  mv "$out.$$" "$out"
  rm -rf "$stage"
}

# Cached per kernel; a changed guest-init gives a new name.
cached_initrd() {
  local series=$1 sum out old
  sum=$({ declare -f pack_initrd; cat "$LAB_PARTS/guest-init" "$LAB_CACHE/kernels/$series/version"; } | cksum | cut -d' ' -f1)
  out=$LAB_CACHE/initrd-$series-$sum
  if [[ ! -f $out ]]; then
    pack_initrd "$out" "$LAB_CACHE/kernels/$series/modules"
    for old in "$LAB_CACHE/initrd-$series"-*; do [[ $old == "$out" ]] || rm -f "$old"; done
  fi
  echo "$out"
}

# Is it an arm64 ELF program? 0 yes, 1 another machine's ELF, 2 not an ELF file.
elf_arm64() {
  local head
  head=$(od -An -tx1 -N20 "$1" 2>/dev/null | tr -d ' \n')
  [[ ${head:0:8} == 7f454c46 ]] || return 2
  [[ ${head:36:4} == b700 ]]
}

LAB_RUN_DIR='' LAB_QEMU_PID='' LAB_WATCH_PID='' LAB_SECOND_TRY=''
run_cleanup() {
  [[ -z $LAB_WATCH_PID ]] || kill "$LAB_WATCH_PID" 2>/dev/null || true
  if [[ -n $LAB_QEMU_PID ]]; then
    kill "$LAB_QEMU_PID" 2>/dev/null || true
    wait "$LAB_QEMU_PID" 2>/dev/null || true
  fi
  [[ -z $LAB_RUN_DIR ]] || rm -rf "$LAB_RUN_DIR"
}
make_run_dir() {
  LAB_RUN_DIR=$(mktemp -d "${TMPDIR:-/tmp}/vcpusnap-lab.XXXXXX")
  trap run_cleanup EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
}

# lab_run run|shell ARGS...: the functions below are its steps, and see its variables.
lab_run() {
  local mode=$1 kernel='' cpu='' smp=2 memory='' share='' timeout=900 silence=600 append='' modules='' kvm=yes vmm='' ssh='' part
  local arguments=("$@") with=() env=() words=()
  shift
  read_run_options "$@"
  check_run_options
  if native_kvm && [[ -z $kernel && -z $cpu && -z $vmm && -z $ssh ]]; then
    run_native
    return
  fi
  need_part qemu
  need_part guest
  command -v qemu-system-aarch64 >/dev/null ||
    die $EX_UNAVAILABLE "lab unavailable: qemu-system-aarch64 is gone; run: rm '$LAB_CACHE/stamp/qemu'; Scripts/lab setup --parts qemu"
  : "${cpu:=max}" "${kernel:=6.12}"
  grep -qxF -- "${cpu%%,*}" < <(qemu_cpus) ||
    die $EX_NOINPUT "cpu type unknown to this QEMU: ${cpu%%,*} (Scripts/lab list shows those it knows)"
  local dir image initrd status=0
  make_run_dir
  dir=$LAB_RUN_DIR
  find_kernel
  write_input
  run_guest || status=$?
  if [[ -e $dir/stalled && ! -s $dir/stdout && ! -s $dir/stderr && -z $LAB_SECOND_TRY ]]; then
    note "$(stalled); nothing was printed yet, so it is booted once more"
    run_cleanup
    LAB_SECOND_TRY=yes
    lab_run "${arguments[@]}"
    return
  fi
  report_guest_errors
  read_output
  return "$(cat "$dir/out/status")"
}

read_run_options() {
  local option value
  while [[ $# -gt 0 ]]; do
    if [[ $1 =~ ^--(kernel|cpu|smp|memory|share|timeout|silence|append|modules|with|env)(=(.*))?$ ]]; then
      option=${BASH_REMATCH[1]} value=${BASH_REMATCH[3]}
      if [[ -z ${BASH_REMATCH[2]} ]]; then
        [[ $# -ge 2 ]] || die $EX_USAGE "$1 needs a value; try: Scripts/lab help"
        value=$2
        shift
      fi
      case $option in
        with) with+=("$value") ;;
        env) env+=("$value") ;;
        *) printf -v "$option" %s "$value" ;;
      esac
    else
      case $1 in
        --vmm) vmm=vmm ;;
        --vmm=*) vmm=vmm-${1#*=} ;;
        --ssh) ssh=ssh ;;
        --allow-no-kvm) kvm=no ;;
        --) shift; break ;;
        -*) die $EX_USAGE "$mode does not know '$1'; try: Scripts/lab help" ;;
        *) break ;;
      esac
    fi
    shift
  done
  words=("$@")
}

check_run_options() {
  local value
  [[ $mode == shell || ${#words[@]} -gt 0 ]] || die $EX_USAGE "run needs a command; for example: Scripts/lab run -- uname -a"
  [[ $smp =~ ^[1-9][0-9]*$ ]] || die $EX_USAGE "--smp needs a number, not '$smp'"
  [[ -n $memory ]] || { [[ -n $vmm ]] && memory=2048 || memory=1024; }
  [[ $memory =~ ^[1-9][0-9]*$ ]] || die $EX_USAGE "--memory needs a number of MiB, not '$memory'"
  [[ $timeout =~ ^[1-9][0-9]*$ ]] || die $EX_USAGE "--timeout needs a number of seconds, not '$timeout'"
  [[ $silence =~ ^[1-9][0-9]*$ ]] || die $EX_USAGE "--silence needs a number of seconds, not '$silence'"
  [[ -z $share || -d $share ]] || die $EX_NOINPUT "--share: no such folder: $share"
  [[ -z $modules || -d $modules ]] || die $EX_NOINPUT "--modules: no such folder: $modules"
  for value in "${env[@]}"; do
    [[ $value =~ ^[A-Za-z_][A-Za-z0-9_]*= ]] || die $EX_USAGE "--env needs NAME=VALUE, not '$value'"
  done
  for value in "${with[@]}"; do
    [[ -f $value ]] || die $EX_NOINPUT "--with: no such file: $value"
  done
}

# The kernel, and what it unpacks at its start.
find_kernel() {
  local value
  if [[ $kernel =~ ^[0-9]+\.[0-9]+$ ]]; then
    # In a shell of its own, with which the lock ends.
    kernel_ready "$kernel" || (note "kernel $kernel is not set up yet"; lock_cache; setup_kernel "$kernel")
    image=$LAB_CACHE/kernels/$kernel/Image
    [[ ! -f $LAB_CACHE/kernels/$kernel/append ]] || append="$(cat "$LAB_CACHE/kernels/$kernel/append") $append"
    # A link of its own: another checkout whose archive differs takes the cached one away.
    initrd=$dir/initrd
    value=$(cached_initrd "$kernel")
    ln "$value" "$initrd" 2>/dev/null || cp "$value" "$initrd"
  elif [[ -f $kernel ]]; then
    image=$kernel
    mkdir "$dir/modules"
    [[ -z $modules ]] || collect_modules "$modules" "$dir/modules"
    initrd=$dir/initrd
    pack_initrd "$initrd" "$dir/modules"
  else
    die $EX_NOINPUT "no such kernel: $kernel (a series that Scripts/lab list shows, as in 6.12, or the path of an arm64 Image)"
  fi
  for part in $vmm $ssh; do
    need_part "$part"
    # The kernel unpacks one archive after the other.
    cat "$initrd" "$LAB_CACHE/$part.cpio" >"$initrd-$part"
    initrd=$initrd-$part
  done
}

# What goes in: the command, the programs and the working folder, as a tar stream on the first disk.
write_input() {
  local value word
  mkdir "$dir/in" "$dir/in/bin" "$dir/in/work"
  case ${words[0]:-} in
    /bin/* | /sbin/* | /usr/*) ;; # the guest's own
    */*)
      if [[ -f ${words[0]} ]]; then
        with+=("${words[0]}")
        words[0]=/lab/bin/$(basename "${words[0]}")
      fi
      ;;
  esac
  for value in "${with[@]}"; do
    elf_arm64 "$value" || [[ $? == 2 ]] ||
      die $EX_NOINPUT "$value is not an arm64 program; build it with Scripts/lab swift-build or Scripts/lab cc"
    cp "$value" "$dir/in/bin/"
  done
  chmod -R a+rx "$dir/in/bin"
  {
    for value in "${env[@]}"; do printf 'export %s=' "${value%%=*}"; quote "${value#*=}"; echo; done
    if [[ $mode == run ]]; then
      printf 'exec'
      for word in "${words[@]}"; do printf ' '; quote "$word"; done
      echo
    fi
  } >"$dir/in/command"
  printf '%s %s\n' "$mode" "$kvm" >"$dir/in/mode"
  [[ -z $share ]] || : >"$dir/in/shared"
  # The guest reads the clock last of all, so that its delay is only the boot, which it adds itself.
  date +%s >"$dir/in/epoch"
  tar -C "$dir/in" --owner=0 --group=0 -cf "$dir/in.tar" .
  [[ -z $share ]] || tar -C "$share" --owner=0 --group=0 --transform 's,^\.,./work,S' -rf "$dir/in.tar" . ||
    # 1: something changed meanwhile, by a run beside this one that has the same folder.
    [[ $? -eq 1 ]] || die $EX_LAB "cannot read all of $share"
}

# QEMU until the guest is off, and the guest's output meanwhile. The status is QEMU's.
run_guest() {
  local status=0 tails=()
  truncate -s 8G "$dir/out.raw"
  : >"$dir/stdout"
  : >"$dir/stderr"
  : >"$dir/alive"
  # KPTI changes the ASID whenever the kernel is entered or left, and for each change QEMU's emulation flushes its TLB:
  # system calls take three times as long. What KVM shows to its guests is the same without it.
  local qemu=(qemu-system-aarch64 -accel tcg -M "virt,virtualization=on,gic-version=3" -cpu "$cpu" -smp "$smp" -m "$memory"
    -display none -nic none -no-reboot -kernel "$image" -initrd "$initrd"
    -append "console=ttyAMA0 quiet panic=-1 kpti=0${append:+ $append}"
    -device "virtio-blk-pci,drive=in,serial=lab-in" -drive "file=$dir/in.tar,format=raw,if=none,id=in,readonly=on"
    -device "virtio-blk-pci,drive=out,serial=lab-out" -drive "file=$dir/out.raw,format=raw,if=none,id=out,cache=unsafe")
  if [[ $mode == shell ]]; then
    note "booting; leave the shell with exit, or stop QEMU with Ctrl-A X"
    "${qemu[@]}" -serial mon:stdio
    return
  fi
  timeout -k 5 "$timeout" "${qemu[@]}" -monitor none -serial "file:$dir/console" -device virtio-serial-pci \
    -chardev "file,id=stdout,path=$dir/stdout" -device virtserialport,chardev=stdout,name=lab.stdout \
    -chardev "file,id=stderr,path=$dir/stderr" -device virtserialport,chardev=stderr,name=lab.stderr \
    -chardev "file,id=alive,path=$dir/alive" -device virtserialport,chardev=alive,name=lab.alive \
    </dev/null >"$dir/qemu.log" 2>&1 &
  LAB_QEMU_PID=$!
  # Regular files between QEMU and our own output: a slow reader never makes the guest wait or lose output.
  tail -q -s 0.1 -n +1 -f --pid="$LAB_QEMU_PID" "$dir/stdout" 2>/dev/null &
  tails+=($!)
  tail -q -s 0.1 -n +1 -f --pid="$LAB_QEMU_PID" "$dir/stderr" >&2 2>/dev/null &
  tails+=($!)
  end_when_silent "$LAB_QEMU_PID" </dev/null >/dev/null 2>&1 &
  LAB_WATCH_PID=$!
  wait "$LAB_QEMU_PID" || status=$?
  LAB_QEMU_PID=''
  kill "$LAB_WATCH_PID" 2>/dev/null || true
  LAB_WATCH_PID=''
  wait "${tails[@]}" || true
  # A kernel without virtio_console: the output came over the serial line, after a marker.
  if grep -aq '^LAB-OUTPUT$' "$dir/console" 2>/dev/null; then sed -z 's/^.*\nLAB-OUTPUT\n//; s/LAB-END.*//' "$dir/console"; fi
  return "$status"
}

# Ends the emulator when for --silence seconds neither output nor the guest's sign of life has come: now and then one of
# its CPUs stands still for ever, and the host's processors are busy. However long a command takes, its guest shows that
# it lives; from then on the console counts no longer, where the kernel complains of the CPU.
end_when_silent() {
  local emulator=$1 now before='' since=$SECONDS
  while sleep 1; do
    now=$([[ -s $dir/alive ]] || stat -c %s "$dir/console"; stat -c %s "$dir/stdout" "$dir/stderr" "$dir/alive")
    if [[ $now != "$before" ]]; then
      before=$now since=$SECONDS
    elif ((SECONDS - since >= silence)); then
      : >"$dir/stalled"
      kill "$emulator"
      return
    fi
  done
}
stalled() { echo "the emulator stalled: for $silence s nothing came from the guest, not even its sign of life"; }

# Ends with what went wrong, where QEMU's status or what the guest said shows that something did.
report_guest_errors() {
  local problem
  [[ ! -e $dir/stalled ]] || die $EX_STALLED "$(stalled); nothing was copied back (run it again; --silence SECONDS allows more)"
  [[ $mode == shell || ($status != 124 && $status != 137) ]] ||
    die $EX_TIMEOUT "timeout: the guest did not finish within $timeout s; nothing was copied back (--timeout SECONDS allows more)"
  problem=$(sed -n 's/\r$//; s/^LAB-ERROR: //p' "$dir/console" 2>/dev/null | head -n 1 || true)
  [[ -z $problem ]] || die $EX_LAB "$problem"
}

# What comes out: the status and the changed files, as a tar stream on the second disk.
read_output() {
  mkdir "$dir/out"
  if [[ $status != 0 ]] || ! tar -xf "$dir/out.raw" -C "$dir/out" 2>/dev/null || [[ ! -f $dir/out/status ]]; then
    {
      tail -n 5 "$dir/qemu.log"
      grep -aE 'Kernel panic|Oops|Unable to handle|Out of memory' "$dir/console" | head -n 5
      echo '...'
      tail -n 15 "$dir/console"
    } 2>/dev/null | tr -d '\r' | sed 's/^/lab: console: /' >&2 || true
    die $EX_LAB "the guest died before the command was done (QEMU's status $status); the console's last lines are above"
  fi
  if [[ -n $share && -d $dir/out/work ]]; then
    # Folders by mkdir, so that those that exist keep their times and modes.
    (cd "$dir/out/work" && find . -type d -print0) | (cd "$share" && xargs -0 mkdir -p --) &&
      (cd "$dir/out/work" && find . ! -type d -print0 | tar --null --no-recursion -T - -cf -) |
      tar -C "$share" --no-same-owner -xf - || die $EX_LAB "cannot write everything back to $share"
  fi
}

run_native() {
  local value
  note "this machine is arm64 with its own /dev/kvm: running directly on it, without a guest"
  [[ ${words[0]:-} != */* || ! -f ${words[0]} ]] || words[0]=$(readlink -f "${words[0]}")
  if [[ -z $share ]]; then
    make_run_dir
    share=$LAB_RUN_DIR
  fi
  for value in "${env[@]}"; do export "${value?}"; done
  for value in "${with[@]}"; do PATH=$(dirname "$(readlink -f "$value")"):$PATH; done
  cd "$share" || die $EX_LAB "$share is no folder any more"
  if [[ $mode == shell ]]; then "${SHELL:-/bin/sh}"; else timeout "$timeout" "${words[@]}"; fi
}

lab_cc() {
  [[ $# -gt 0 ]] || die $EX_USAGE "cc needs files; for example: Scripts/lab cc -o /tmp/probe probe.c"
  if [[ $(uname -m) == aarch64 ]]; then
    cc -static -O2 "$@"
    return
  fi
  need_part cc
  aarch64-linux-gnu-gcc -static -O2 "$@"
}
