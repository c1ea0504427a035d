# Helpers shared by the parts of Scripts/lab. Sourced, never run.
# shellcheck shell=bash

# shellcheck disable=SC2034  # the other parts use them
EX_USAGE=64 EX_NOINPUT=66 EX_UNAVAILABLE=69 EX_STALLED=75 EX_TIMEOUT=124 EX_LAB=125

note() { printf 'lab: %s\n' "$*" >&2; }

# die STATUS MESSAGE
die() {
  local status=$1
  shift
  printf 'lab: error: %s\n' "$*" >&2
  exit "$status"
}

as_root() {
  if [[ $(id -u) == 0 ]]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo -E "$@"
  else
    die $EX_UNAVAILABLE "this step needs root and there is no sudo; run it as root"
  fi
}

# Paths and values for generated shell text: 'it'\''s'
quote() {
  local q="'\\''"
  printf "'%s'" "${1//\'/$q}"
}

cache_dir() {
  mkdir -p "$LAB_CACHE"/{stamp,log}
  : >"$LAB_CACHE/.vcpusnap-lab"
}

# A part is ready when its stamp says the version of the recipe that this script implements.
part_version() {
  case $1 in
    qemu | qemu-[0-9]*.[0-9]* | cc | ssh | vmm | vmm-[0-9]*.[0-9]*) echo 1 ;;
    guest) echo 2 ;;
    swift) echo 1 ;;
  esac
}
part_ready() {
  [[ -f $LAB_CACHE/stamp/$1 && $(head -n 1 "$LAB_CACHE/stamp/$1") == "$(part_version "$1")" ]]
}
# stamp PART DESCRIPTION
stamp() {
  printf '%s\n%s\n' "$(part_version "$1")" "$2" >"$LAB_CACHE/stamp/.$1"
  mv "$LAB_CACHE/stamp/.$1" "$LAB_CACHE/stamp/$1"
}
need_part() {
  part_ready "$1" || die $EX_UNAVAILABLE "lab unavailable: part '$1' is not set up; run: Scripts/lab setup --parts $1"
}

kernel_ready() { [[ $1 =~ ^[0-9]+\.[0-9]+$ && -f $LAB_CACHE/kernels/$1/version ]]; }
# lab_index ARCH: the file that says which kernels and QEMUs the archive had when it was last read
lab_index() { echo "$LAB_CACHE/apt/suites/index-$1"; }

qemu_cpus() {
  # QEMU 7.2 indents the names, QEMU 10 does too; the heading ends with a colon.
  qemu-system-aarch64 -M virt -cpu help | sed -n 's/^ \+\([^ ]\+\)$/\1/p'
}

# archive DIR: what the kernel unpacks at its start, on stdout. (Plain: unpacking gzip costs an emulated CPU more
# than reading a few MB.)
archive() { (cd "$1" && find . -print0 | LC_ALL=C sort -z | cpio --quiet -0 -o -H newc -R +0:+0); }

native_kvm() { [[ $(uname -m) == aarch64 && -r /dev/kvm && -w /dev/kvm ]]; }
