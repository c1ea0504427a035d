#!/bin/sh
# Runs in a lab guest that has OpenSSH: one of the checks below. The host rack1 is this one, by its sshd.
# usage: moved.sh CHECK [ARGS...]
set -eu
source='' target=''

# serve: starts the sshd, unless it runs. What the file ~/.ssh/way says is between ssh and it.
serve() {
  ! pidof sshd >/dev/null || return 0
  ifconfig lo up
  mkdir -p ~/.ssh
  chmod 700 ~ ~/.ssh
  ssh-keygen -q -t ed25519 -N '' -f ~/.ssh/id_ed25519
  cp ~/.ssh/id_ed25519.pub ~/.ssh/authorized_keys
  echo "rack1 $(cat ~/.ssh/id_ed25519.pub)" >~/.ssh/known_hosts
  printf 'Host rack1\nHostKeyAlias rack1\nProxyCommand sh ~/.ssh/way\n' >~/.ssh/config
  printf 'HostKey ~/.ssh/id_ed25519\nUsePAM no\nSetEnv PATH=%s\n' "$PATH" | sed "s,~,$HOME," >~/.ssh/sshd
  /usr/sbin/sshd -f ~/.ssh/sshd
  way cat
}

# way THERE [BACK]: the bytes go through these programs. The connection ends where one of them does.
way() { echo "{ $1; killall nc; } 2>/dev/null | nc 127.0.0.1 22 | { ${2:-cat}; kill \$\$; } 2>/dev/null" >~/.ssh/way; }

# ends STATUS COMMAND...: with that status; what it printed is in the files said and told.
ends() {
  expected=$1 status=0
  shift
  "$@" >said 2>told || status=$?
  [ $status -eq "$expected" ] || { cat said told; echo "status $status of: $*"; return 1; }
}

# vmm_is VARIABLE ARGS...: starts a VMM whose vCPUs stop, and sets the variable to its process id.
vmm_is() {
  variable=$1
  shift
  vmm "$@" --dump "$variable.dump" >"$variable.beats" &
  eval "$variable=$!"
  for _ in $(seq 600); do
    ! grep -q '^beat 5' "$variable.beats" || return 0
    sleep 0.1
  done
  echo "it does not start"
  return 1
}

# two_vmms ARGS...: of which one differs from the other in many registers.
two_vmms() {
  vmm_is source "$@"
  vmm_is target "$@"
  for number in $(seq 0 30); do attach-proof write "$source" "X$number" "0x12340000$number"; done >/dev/null
  vcpusnap save "pid:$target" -o before 2>/dev/null
  ends 1 vcpusnap diff "pid:$source" before
}
as_before() { ends 0 vcpusnap diff before "pid:$target"; }
is_there() { ends 0 vcpusnap diff "pid:$source" "pid:$target"; }

# host: it is planned as its profile is, which is what it says itself; a fresh guest can be read.
host() {
  vcpusnap save kvm: -o cpu
  vcpusnap host --name rack1 -o rack1.vhost
  vcpusnap plan cpu --host rack1.vhost --format json >here
  vcpusnap plan cpu --host ssh:rack1 --format json >there
  cmp here there
  vcpusnap diff ssh:rack1 rack1.vhost
}

# trial: a restore into KVM there says what it says here; a file is whole, and its owner's alone.
trial() {
  vcpusnap save kvm: --vcpus 2 --gic v3 -o cpu
  vcpusnap restore cpu kvm: --strict >here
  vcpusnap move cpu ssh:rack1 kvm: | tee there
  cmp here there
  vcpusnap move cpu ssh:rack1 "$PWD/a new; file"
  vcpusnap diff cpu 'a new; file'
  [ "$(stat -c %a 'a new; file')" = 600 ]
}

# process VMM-ARGS...: from one VMM into another.
process() {
  two_vmms "$@"
  ends 0 vcpusnap move "pid:$source" ssh:rack1 "pid:$target"
  cat said
  is_there
}

# loss: what the plan says no to is not sent; and what that host loses all the same is put back, whatever was promised.
loss() {
  two_vmms
  vcpusnap save emulated:6.12-neoverse-v1 -o other
  ends 1 vcpusnap move other ssh:rack1 "pid:$target"
  grep 'nothing was sent to ssh:rack1' told
  as_before
  ends 1 vcpusnap move other ssh:rack1 "pid:$target" --host 6.12-neoverse-v1
  tail -n 3 said
  as_before
}

# cut COUNT: the connection ends after some bytes there, and after some of the last bytes back, which are the report, that
# many times each. The guest is moved, or nothing is; whoever moves it is told that the connection was lost, and where to
# look if it may have been moved.
move_guest() { ends "$1" vcpusnap move guest ssh:rack1 "pid:$target" --host rack1.vhost; }

# finished: what was begun over the connection that is lost goes on there, and is waited for.
finished() {
  for _ in $(seq 1200); do
    pidof vcpusnap >/dev/null || return 0
    sleep 0.1
  done
  echo "vcpusnap does not end there"
  return 1
}
put_back() { vcpusnap restore before "pid:$target" --policy exact >/dev/null; }
cut() {
  two_vmms
  vcpusnap save "pid:$source" -o guest 2>/dev/null
  vcpusnap host --name rack1 -o rack1.vhost
  way "dd bs=1 2>$PWD/sent" "dd bs=1 2>$PWD/got"
  move_guest 0
  is_there
  put_back
  sent=$(sed -n 's/+.* in$//p' sent) got=$(sed -n 's/+.* in$//p' got)
  echo "$sent bytes there, $got back"
  moved=0 kept=0 unsure=0
  for number in $(seq 1 "$1"); do
    for part in "$((sent * number / $1 - 20)) $got" "$sent $((got - 20 - 600 * number / $1))"; do
      way "dd bs=1 count=${part% *}" "dd bs=1 count=${part#* }"
      # The last bytes say only that the connection ends.
      move_guest 2 || [ $status -eq 0 ]
      [ $status -eq 0 ] || grep 'lost the connection' told
      ended=$status
      finished
      mv told why
      if as_before >/dev/null; then
        kept=$((kept + 1))
      else
        is_there
        [ "$ended" -eq 0 ] || { grep -q 'check there' why && unsure=$((unsure + 1)); }
        put_back
        moved=$((moved + 1))
      fi
    done
  done
  way cat
  echo "$moved moved, $unsure of them with a word to check it, $kept as before"
  [ $moved -gt 0 ] && [ $unsure -gt 0 ] && [ $kept -gt 0 ]
}

serve
"$@"
