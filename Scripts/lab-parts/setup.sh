# Scripts/lab setup: get the parts from Debian's own archive. Sourced, never run.
# shellcheck shell=bash

LAB_KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

unavailable() { die $EX_UNAVAILABLE "lab unavailable: $*"; }

# quietly LOGNAME COMMAND...: output goes to the cache's log folder only.
quietly() {
  local log=$LAB_CACHE/log/$1.log
  shift
  printf '\n$ %s\n' "$*" >>"$log"
  "$@" >>"$log" 2>&1 </dev/null
}

debian_codename() {
  local id='' like='' code=''
  if [[ -r /etc/os-release ]]; then
    # shellcheck disable=SC1091
    { read -r id; read -r like; read -r code; } < <(
      . /etc/os-release
      printf '%s\n%s\n%s\n' "${ID:-}" "${ID_LIKE:-}" "${VERSION_CODENAME:-}"
    )
  fi
  [[ $id == debian && -n $code ]] && command -v apt-get >/dev/null ||
    unavailable "the lab sets itself up on Debian 12 or 13 only, and this is '${id:-unknown}${like:+, like $like}'"
  echo "$code"
}

# The Debian mirror this machine already uses, from apt's own set-up.
debian_mirror() {
  local code=$1 format='$(ORIGIN)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)' rows uri
  rows=$(apt-get indextargets --format "$format" 'Created-By: Packages' 2>/dev/null || true)
  uri=$(awk -F'|' -v code="$code" '
    $4 == "main" && ($3 == code || $3 == "stable" || $3 == "oldstable") {
      if ($1 == "Debian") { print $2; found = 1; exit }
      if (first == "") first = $2
    }
    END { if (!found && first != "") print first }' <<<"$rows")
  [[ -n $uri ]] || unavailable "apt's sources on this machine list no Debian main archive for $code; add one and run setup again"
  echo "${uri%/}"
}

# Two views of the archive, both with lists and caches of their own, so that the machine's apt set-up stays as it
# is: LAB_APT_HOST is the machine's own sources plus backports; LAB_APT_ARM is trixie and bookworm for arm64.
apt_views() {
  [[ -z ${LAB_APT_READY:-} ]] || return 0
  local code apt=$LAB_CACHE/apt f
  code=$(debian_codename)
  LAB_MIRROR=$(debian_mirror "$code")
  [[ -r $LAB_KEYRING ]] || unavailable "$LAB_KEYRING is missing; install debian-archive-keyring"
  mkdir -p "$apt/empty" "$apt"/{host,arm}/{lists/partial,cache/archives/partial} "$apt/host/sources"
  rm -f "$apt"/host/sources/*
  [[ -f /etc/apt/sources.list ]] && cp /etc/apt/sources.list "$apt/host/sources/machine.list"
  for f in /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
    [[ -f $f ]] && cp "$f" "$apt/host/sources/"
  done
  echo "deb [signed-by=$LAB_KEYRING] $LAB_MIRROR $code-backports main" >"$apt/host/sources/vcpusnap-lab.list"
  printf "deb [signed-by=$LAB_KEYRING] $LAB_MIRROR %s main\n" trixie bookworm >"$apt/arm/sources.list"

  local common=(-q -o APT::Sandbox::User=root -o Acquire::Languages=none -o Acquire::Retries=2
    -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false -o Acquire::IndexTargets::deb::CNF::DefaultEnabled=false
    -o APT::Get::List-Cleanup=true -o DPkg::Lock::Timeout=300)
  LAB_APT_HOST=("${common[@]}" -o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$apt/host/sources"
    -o "Dir::State::Lists=$apt/host/lists" -o "Dir::Cache=$apt/host/cache")
  LAB_APT_ARM=("${common[@]}" -o "Dir::Etc::sourcelist=$apt/arm/sources.list" -o "Dir::Etc::sourceparts=$apt/empty"
    -o Dir::Etc::preferences=/dev/null -o "Dir::Etc::preferencesparts=$apt/empty" -o Dir::State::status=/dev/null
    -o "Dir::State::Lists=$apt/arm/lists" -o "Dir::Cache=$apt/arm/cache"
    -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o APT::Update::Error-Mode=any)
  LAB_APT_READY=yes
}

apt_update_host() {
  apt_views
  [[ -z ${LAB_APT_HOST_FRESH:-} ]] || return 0
  note "reading the package index of this machine's release"
  # A release without backports, or a third-party source that is down, must not stop the lab here.
  quietly apt as_root apt-get "${LAB_APT_HOST[@]}" update || true
  LAB_APT_HOST_FRESH=yes
}
apt_update_arm() {
  apt_views
  [[ -z ${LAB_APT_ARM_FRESH:-} ]] || return 0
  note "reading the arm64 package index (trixie, bookworm)"
  quietly apt apt-get "${LAB_APT_ARM[@]}" update ||
    unavailable "the Debian package index cannot be read from $LAB_MIRROR (no network?); details: $LAB_CACHE/log/apt.log"
  LAB_APT_ARM_FRESH=yes
}

# host_install [-t SUITE] PACKAGE...
host_install() {
  apt_update_host
  quietly apt as_root env DEBIAN_FRONTEND=noninteractive apt-get "${LAB_APT_HOST[@]}" install -y --no-install-recommends "$@" ||
    unavailable "apt-get install $* failed (no network?); details: $LAB_CACHE/log/apt.log"
}

# host_tools COMMAND:PACKAGE...: install only what is missing.
host_tools() {
  local pair missing=()
  for pair in "$@"; do
    PATH=$PATH:/usr/sbin:/sbin command -v "${pair%%:*}" >/dev/null || missing+=("${pair#*:}")
  done
  [[ ${#missing[@]} == 0 ]] && return 0
  note "installing on this machine: ${missing[*]}"
  host_install "${missing[@]}"
}

# arm_packages DIR [--with-all] PACKAGE...: download arm64 packages and unpack them into DIR; --with-all: with everything
# that they depend on.
arm_packages() {
  local dir=$1 work deb how=(download)
  shift
  [[ $1 != --with-all ]] || { how=(install -y --download-only --no-install-recommends); shift; }
  apt_update_arm
  work=$(mktemp -d "$LAB_CACHE/tmp/deb.XXXXXX")
  mkdir "$work/partial"
  # The locks that apt would take are those of this machine's own dpkg, which is not concerned.
  (cd "$work" && quietly apt apt-get "${LAB_APT_ARM[@]}" -o Debug::NoLocking=1 -o "Dir::Cache::archives=$work" "${how[@]}" "$@") ||
    unavailable "cannot download $* (no network?); details: $LAB_CACHE/log/apt.log"
  mkdir -p "$dir"
  for deb in "$work"/*.deb; do dpkg-deb --fsys-tarfile "$deb" | tar -x --no-same-owner --keep-directory-symlink -C "$dir"; done
  rm -rf "$work"
}

qemu_version() { qemu-system-aarch64 --version | sed -n '1s/.*version \([0-9.]*\).*/\1/p'; }

setup_qemu() {
  local code suite=() version=0
  code=$(debian_codename)
  command -v qemu-system-aarch64 >/dev/null && version=$(qemu_version)
  # The release's own QEMU would do, but a newer one knows more CPU types.
  if dpkg --compare-versions "$version" lt 8; then
    apt_update_host
    if apt-cache "${LAB_APT_HOST[@]}" madison qemu-system-arm | grep "$code-backports/" >/dev/null; then
      suite=(-t "$code-backports")
    fi
    note "installing QEMU for arm64 on this machine${suite[1]:+ from ${suite[1]}}"
    host_install "${suite[@]}" qemu-system-arm ipxe-qemu
  fi
  version=$(qemu_version)
  if ! dpkg --compare-versions "$version" ge 7.2; then
    unavailable "QEMU $version is too old; 7.2 or newer is needed (remove it, then run setup again)"
  fi
  stamp qemu "QEMU $version, $(qemu_cpus | wc -l) CPU types"
}

# newest_package PATTERN: the newest of the packages of that form that the index lists
newest_package() {
  apt-cache "${LAB_APT_ARM[@]}" search --names-only "^$1\$" | awk '{print $1}' | sort -V | tail -n 1
}

# setup_kernel SERIES: the newest cloud kernel of that series that the index lists
setup_kernel() {
  local series=$1 pattern="${1//./\\.}\\..*-cloud-arm64" dir=$LAB_CACHE/kernels/$1 package packages new root
  package=$(newest_package "linux-image-$pattern-unsigned")
  packages=("$package")
  if [[ -z $package ]]; then
    # Since 6.19 the image is in one package and its modules are in another.
    package=$(newest_package "linux-binary-$pattern")
    packages=("$package" "${package/binary/modules}")
  fi
  [[ -n $package ]] || unavailable "the index lists no arm64 kernel $series"
  [[ -f $dir/version && $(cat "$dir/version") == "$package" ]] && return 0
  note "fetching $package"
  new=$(mktemp -d "$LAB_CACHE/tmp/kernel.XXXXXX")
  arm_packages "$new/root" "${packages[@]}"
  root=$new/root
  mkdir -p "$new/out/modules"
  # In /boot, or since 7.2 beside the modules.
  cp "$(find "$root/boot" "$root"/usr/lib/modules -maxdepth 2 -name 'vmlinuz*' -type f 2>/dev/null | sed -n 1p)" "$new/out/Image"
  collect_modules "$root" "$new/out/modules"
  echo "$package" >"$new/out/version"
  mkdir -p "$LAB_CACHE/kernels"
  rm -rf "$dir"
  mv "$new/out" "$dir"
  chmod -R u+rwX,go+rX "$dir"
  rm -rf "$new"
}

# collect_modules FROM TO: the virtio modules under FROM, uncompressed. Those built into the kernel are simply absent.
collect_modules() {
  local file name
  for name in $LAB_MODULES; do
    while IFS= read -r file; do
      case $file in
        *.xz) xz -dc "$file" >"$2/$name.ko" ;;
        *.gz) gzip -dc "$file" >"$2/$name.ko" ;;
        *.zst) zstd -qdc "$file" >"$2/$name.ko" ;;
        *) cp "$file" "$2/$name.ko" ;;
      esac
    done < <(find "$1" -name "$name.ko*" -type f)
  done
}

setup_guest() {
  local new root lib
  host_tools cpio:cpio xz:xz-utils
  apt_update_arm
  setup_kernel 6.12
  setup_kernel 6.1
  note "fetching the guest's userland"
  new=$(mktemp -d "$LAB_CACHE/tmp/userland.XXXXXX")
  root=$new/out
  arm_packages "$new/deb" busybox-static libc6 libstdc++6 libgcc-s1 libzstd1
  mkdir -p "$root"/{bin,sbin,usr/bin,usr/sbin,lib,etc,root,tmp,proc,sys,dev,lab}
  install -m 755 "$(find "$new/deb" -type f -path '*/bin/busybox')" "$root/bin/busybox"
  ln -s busybox "$root/bin/sh"
  for lib in ld-linux-aarch64.so.1 libc.so.6 libm.so.6 libdl.so.2 libpthread.so.0 librt.so.1 libresolv.so.2 libutil.so.1 \
    libstdc++.so.6 libgcc_s.so.1 libzstd.so.1; do
    install -m 755 "$(readlink -f "$(find "$new/deb" -path '*lib/*' -name "$lib" | sed -n 1p)")" "$root/lib/$lib"
  done
  echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
  echo 'root:x:0:' >"$root/etc/group"
  rm -rf "$LAB_CACHE/userland" "$LAB_CACHE"/initrd-*
  mv "$root" "$LAB_CACHE/userland"
  chmod -R u+rwX,go+rX "$LAB_CACHE/userland"
  rm -rf "$new"
  stamp guest "kernels $(cat "$LAB_CACHE/kernels/6.12/version") and $(cat "$LAB_CACHE/kernels/6.1/version")"
}

# A kernel newer than any release has, from the backports, for guests with an EL2 of their own.
setup_newer() {
  need_part guest
  apt_views
  printf "deb [signed-by=$LAB_KEYRING] $LAB_MIRROR %s main\n" trixie-backports >>"$LAB_CACHE/apt/arm/sources.list"
  apt_update_arm
  setup_kernel 7.3
  stamp newer "kernel $(cat "$LAB_CACHE/kernels/7.3/version")"
}

setup_cc() {
  if ! command -v aarch64-linux-gnu-gcc >/dev/null || [[ ! -e /usr/aarch64-linux-gnu/lib/libc.a ]]; then
    note "installing the arm64 C cross compiler on this machine"
    host_install gcc-aarch64-linux-gnu libc6-dev-arm64-cross
  fi
  stamp cc "$(aarch64-linux-gnu-gcc --version | sed -n 1p)"
}

# copy_libraries FROM TO PROGRAM: the shared libraries that PROGRAM needs, except those the guest has anyway.
copy_libraries() {
  local from=$1 to=$2 file=$3 name found
  while read -r name; do
    [[ ! -e $LAB_CACHE/userland/lib/$name && ! -e $to/$name ]] || continue
    found=$(find "$from" -path '*lib/*' -name "$name" | sed -n 1p)
    [[ -n $found ]] || die $EX_LAB "the library $name, which $(basename "$file") needs, is in none of the packages"
    install -m 755 "$(readlink -f "$found")" "$to/$name"
    copy_libraries "$from" "$to" "$to/$name"
  done < <(readelf -d "$file" | sed -n 's/.*(NEEDED).*\[\(.*\)\]$/\1/p')
}

# QEMU as a program of the guest, with a kernel for guests of its own: an archive that goes in after the initrd. Of
# 91 packages only what QEMU loads, since an emulated CPU unpacks it at every boot.
setup_vmm() {
  local new root rom version
  need_part guest
  host_tools cpio:cpio readelf:binutils
  note "fetching QEMU for the guest"
  new=$(mktemp -d "$LAB_CACHE/tmp/vmm.XXXXXX")
  root=$new/out
  arm_packages "$new/deb" --with-all qemu-system-arm ipxe-qemu
  mkdir -p "$root"/usr/{bin,lib/aarch64-linux-gnu,share/qemu} "$root/vmm"
  install -m 755 "$new/deb/usr/bin/qemu-system-aarch64" "$root/usr/bin/"
  copy_libraries "$new/deb" "$root/usr/lib/aarch64-linux-gnu" "$root/usr/bin/qemu-system-aarch64"
  # The option ROM of the network card that a virt machine has when nobody says otherwise.
  rom=$(find "$new/deb" -name efi-virtio.rom -type f | sed -n 1p)
  install -m 644 "$rom" "$root/usr/share/qemu/"
  cp "$LAB_CACHE/kernels/6.12/Image" "$root/vmm/Image"
  archive "$root" >"$new/vmm.cpio"
  mv "$new/vmm.cpio" "$LAB_CACHE/vmm.cpio"
  version=$(apt-cache "${LAB_APT_ARM[@]}" show --no-all-versions qemu-system-arm | sed -n 's/^Version: .*:\([0-9.]*\).*/\1/p')
  stamp vmm "QEMU $version for the guest, $(du -m "$LAB_CACHE/vmm.cpio" | cut -f1) MB"
  rm -rf "$new"
}

lab_setup() {
  local parts=qemu,guest,cc,swift part started
  while [[ $# -gt 0 ]]; do
    case $1 in
      --parts) [[ $# -ge 2 ]] || die $EX_USAGE "--parts needs a list, for example qemu,guest"; parts=$2; shift 2 ;;
      --parts=*) parts=${1#*=}; shift ;;
      *) die $EX_USAGE "setup does not know '$1'; try: Scripts/lab help" ;;
    esac
  done
  for part in ${parts//,/ }; do
    [[ -n $(part_version "$part") ]] || die $EX_USAGE "there is no part '$part'; the parts are qemu, guest, cc, swift, vmm and newer"
  done
  if native_kvm; then
    note "this machine is arm64 with its own /dev/kvm: nothing to set up for run and swift-build without --kernel and --cpu"
  fi
  cache_dir
  exec 9>"$LAB_CACHE/lock"
  flock -n 9 || { note "another setup is at work; waiting for it"; flock 9; }
  # Under the lock, temporary folders can only be left-overs of a setup that was interrupted.
  rm -rf "${LAB_CACHE:?}/tmp" 2>/dev/null || as_root rm -rf --one-file-system "${LAB_CACHE:?}/tmp"
  mkdir "$LAB_CACHE/tmp"
  for part in ${parts//,/ }; do
    if part_ready "$part"; then
      note "$part: ready"
      continue
    fi
    started=$SECONDS
    "setup_$part"
    note "$part: ready after $((SECONDS - started)) s"
  done
}
