# Scripts/lab setup: get the parts from Debian's own archive. Sourced, never run.
# shellcheck shell=bash

LAB_KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
# Where kernels and QEMUs come from; everything else is trixie's. What is newer than trixie-backports (testing,
# unstable) has no kernel series that is not there too.
LAB_SUITES="trixie trixie-backports bookworm bookworm-backports bullseye"

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
# is: LAB_APT_HOST is the machine's own sources plus backports; LAB_APT_SUITES is LAB_SUITES, see lab_apt.
apt_views() {
  [[ -z ${LAB_APT_READY:-} ]] || return 0
  local code apt=$LAB_CACHE/apt f suite
  code=$(debian_codename)
  LAB_MIRROR=$(debian_mirror "$code")
  [[ -r $LAB_KEYRING ]] || unavailable "$LAB_KEYRING is missing; install debian-archive-keyring"
  mkdir -p "$apt/empty" "$apt"/{host,suites}/{lists/partial,cache/archives/partial,sources}
  rm -f "$apt"/host/sources/*
  [[ -f /etc/apt/sources.list ]] && cp /etc/apt/sources.list "$apt/host/sources/machine.list"
  for f in /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
    [[ -f $f ]] && cp "$f" "$apt/host/sources/"
  done
  echo "deb [signed-by=$LAB_KEYRING] $LAB_MIRROR $code-backports main" >"$apt/host/sources/vcpusnap-lab.list"
  rm -f "$apt"/suites/sources/*
  for suite in $LAB_SUITES; do
    echo "deb [signed-by=$LAB_KEYRING] $LAB_MIRROR $suite main" >"$apt/suites/sources/$suite.list"
  done

  local common=(-q -o APT::Sandbox::User=root -o Acquire::Languages=none -o Acquire::Retries=2
    -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false -o Acquire::IndexTargets::deb::CNF::DefaultEnabled=false
    -o DPkg::Lock::Timeout=300)
  LAB_APT_HOST=("${common[@]}" -o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$apt/host/sources"
    -o "Dir::State::Lists=$apt/host/lists" -o "Dir::Cache=$apt/host/cache")
  LAB_APT_SUITES=("${common[@]}" -o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$apt/suites/sources"
    -o Dir::Etc::preferences=/dev/null -o "Dir::Etc::preferencesparts=$apt/empty" -o Dir::State::status=/dev/null
    -o "Dir::State::Lists=$apt/suites/lists" -o "Dir::Cache=$apt/suites/cache"
    # Each suite is read by itself, and the others stay.
    -o APT::Get::List-Cleanup=false -o APT::Update::Error-Mode=any)
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
# lab_apt ARCH COMMAND...: apt-get or apt-cache of the suites, for that architecture
lab_apt() {
  local arch=$1 tool=$2
  shift 2
  "$tool" "${LAB_APT_SUITES[@]}" -o "APT::Architecture=$arch" -o "APT::Architectures=$arch" "$@"
}

# read_suites ARCH: reads their package indexes, and writes which kernels and QEMUs they list. The mirror must have
# trixie; another suite that it has not, or no longer, is only named.
read_suites() {
  local arch=$1 suite missing=()
  apt_views
  [[ " ${LAB_APT_READ:-} " != *" $arch "* ]] || return 0
  note "reading the $arch package index (${LAB_SUITES// /, })"
  for suite in $LAB_SUITES; do
    quietly apt lab_apt "$arch" apt-get -o "Dir::Etc::sourcelist=$LAB_CACHE/apt/suites/sources/$suite.list" \
      -o "Dir::Etc::sourceparts=$LAB_CACHE/apt/empty" update && continue
    [[ $suite != trixie ]] ||
      unavailable "the Debian package index cannot be read from $LAB_MIRROR (no network?); details: $LAB_CACHE/log/apt.log"
    missing+=("$suite")
    rm "$LAB_CACHE/apt/suites/sources/$suite.list"
  done
  [[ ${#missing[@]} == 0 ]] || note "no $arch index of ${missing[*]} can be read from $LAB_MIRROR; the lab goes on without"
  write_index "$arch"
  LAB_APT_READ+=" $arch"
}

# write_index ARCH: lines "kernel SERIES PACKAGE" and "qemu VERSION SUITE", of the newest of each
write_index() {
  local index kernel='(([0-9]+\.[0-9]+)[^ ]*)-cloud-arm64'
  index=$(lab_index "$1")
  {
    # Of the packages of one version, the one without a signature, and since 6.19 the one that has more than dependencies.
    lab_apt "$1" apt-cache search --names-only '^linux-(image|binary)-[0-9.]+.*-cloud-arm64(-unsigned)?$' |
      sed -nE "s/^(linux-image-$kernel) .*/kernel \\3 \\2 1 \\1/p; s/^(linux-binary-$kernel) .*/kernel \\3 \\2 2 \\1/p
        s/^(linux-image-$kernel-unsigned) .*/kernel \\3 \\2 3 \\1/p"
    lab_apt "$1" apt-cache madison qemu-system-arm |
      sed -nE 's,^[^|]*\| *[0-9]+:(([0-9]+\.[0-9]+)[^ ]*) *\| *[^ ]+ ([^ /]+)/.*,qemu \2 \1 0 \3,p'
  } | sort -V | awk '{ newest[$1 " " $2] = $5 } END { for (name in newest) print name, newest[name] }' | sort -V >"$index.new"
  mv "$index.new" "$index"
}

in_words() { paste -sd, | sed 's/,/, /g'; }

# indexed ARCH kernel|qemu NAME: the package or the suite
indexed() {
  local index found
  index=$(lab_index "$1")
  found=$(awk -v kind="$2" -v name="$3" '$1 == kind && $2 == name { print $3 }' "$index")
  [[ -n $found ]] ||
    unavailable "Debian's archive has no $2 $3 for $1; it has $(awk -v kind="$2" '$1 == kind { print $2 }' "$index" | in_words)"
  echo "$found"
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

# unpack_packages ARCH DIR [--with-all SUITE] PACKAGE...: download packages and unpack them into DIR; --with-all: the
# suite's, with everything that they depend on.
unpack_packages() {
  local arch=$1 dir=$2 work deb how=(download)
  shift 2
  [[ $1 != --with-all ]] || { how=(install -y --download-only --no-install-recommends -t "$2"); shift 2; }
  read_suites "$arch"
  work=$(mktemp -d "$LAB_CACHE/tmp/deb.XXXXXX")
  mkdir "$work/partial"
  # The locks that apt would take are those of this machine's own dpkg, which is not concerned.
  (cd "$work" && quietly apt lab_apt "$arch" apt-get -o Debug::NoLocking=1 -o "Dir::Cache::archives=$work" "${how[@]}" "$@") ||
    unavailable "cannot download $* (no network?); details: $LAB_CACHE/log/apt.log"
  mkdir -p "$dir"
  for deb in "$work"/*.deb; do dpkg-deb --fsys-tarfile "$deb" | tar -x --no-same-owner --keep-directory-symlink -C "$dir"; done
  rm -rf "$work"
}

qemu_version() { qemu-system-aarch64 --version | sed -n '1s/.*version \([0-9.]*\).*/\1/p'; }

# setup_qemu [VERSION]: on this machine, or that version in a folder of its own
setup_qemu() {
  local code suite=() version=0
  [[ $# == 0 ]] || { setup_qemu_folder "$1"; return; }
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

# setup_kernel SERIES: the newest cloud kernel of that series that the index lists
setup_kernel() {
  local series=$1 dir=$LAB_CACHE/kernels/$1 package packages modules='' new root
  read_suites arm64
  package=$(indexed arm64 kernel "$series")
  packages=("$package")
  # Since 6.19 the image is in one package and its modules are in another, which the index lists as long as no newer
  # series has come.
  if [[ $package == linux-binary-* ]]; then
    modules=${package/binary/modules}
    [[ -z $(lab_apt arm64 apt-cache madison "$modules") ]] || packages+=("$modules")
  fi
  [[ -f $dir/version && $(cat "$dir/version") == "$package" ]] && return 0
  note "fetching $package"
  new=$(mktemp -d "$LAB_CACHE/tmp/kernel.XXXXXX")
  unpack_packages arm64 "$new/root" "${packages[@]}"
  root=$new/root
  mkdir -p "$new/out/modules"
  if [[ -n $modules && ${#packages[@]} == 1 ]]; then
    pool_modules "$package" "$root"
    echo module.sig_enforce=1 >"$new/out/append"
  fi
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

# pool_modules PACKAGE DIR: unpacks the modules of a kernel where no index lists them but the archive still has the file.
# No signature of Debian's vouches for it, so the kernel must be told to load only what was signed when it was built.
pool_modules() {
  local file=$2.deb uri
  uri=$(lab_apt arm64 apt-get --print-uris download "$1" | sed -nE "s,^'([^']*)linux-signed-arm64/linux-binary-([^']*)'.*,\\1linux/linux-modules-\\2,p")
  quietly apt /usr/lib/apt/apt-helper "${LAB_APT_SUITES[@]}" download-file "$uri" "$file" ||
    unavailable "the index no longer lists the modules of $1, and they are not at $uri; details: $LAB_CACHE/log/apt.log"
  dpkg-deb --fsys-tarfile "$file" | tar -x --no-same-owner --keep-directory-symlink -C "$2"
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
  setup_kernel 6.12
  setup_kernel 6.1
  note "fetching the guest's userland"
  new=$(mktemp -d "$LAB_CACHE/tmp/userland.XXXXXX")
  root=$new/out
  unpack_packages arm64 "$new/deb" busybox-static libc6 libstdc++6 libgcc-s1 libzstd1
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

setup_cc() {
  if ! command -v aarch64-linux-gnu-gcc >/dev/null || [[ ! -e /usr/aarch64-linux-gnu/lib/libc.a ]]; then
    note "installing the arm64 C cross compiler on this machine"
    host_install gcc-aarch64-linux-gnu libc6-dev-arm64-cross
  fi
  stamp cc "$(aarch64-linux-gnu-gcc --version | sed -n 1p)"
}

# copy_libraries FROM TO PROGRAM [THERE]: the shared libraries that PROGRAM needs, except those in the folder THERE
copy_libraries() {
  local from=$1 to=$2 file=$3 there=${4:-$2} name found
  while read -r name; do
    [[ ! -e $there/$name && ! -e $to/$name ]] || continue
    found=$(find "$from" -path '*lib/*' -name "$name" | sed -n 1p)
    [[ -n $found ]] || die $EX_LAB "the library $name, which $(basename "$file") needs, is in none of the packages"
    install -m 755 "$(readlink -f "$found")" "$to/$name"
    copy_libraries "$from" "$to" "$to/$name" "$there"
  done < <(readelf -d "$file" | sed -n 's/.*(NEEDED).*\[\(.*\)\]$/\1/p')
}

# copy_qemu ARCH SUITE DIR LIB [THERE]: fetches QEMU, and puts what of it is loaded under DIR/out/usr, the libraries into
# its folder LIB, except those in the folder THERE.
copy_qemu() {
  local deb=$3/deb usr=$3/out/usr lib=$3/out/usr/$4
  host_tools readelf:binutils
  note "fetching QEMU of $2 for $1"
  unpack_packages "$1" "$deb" --with-all "$2" qemu-system-arm ipxe-qemu
  mkdir -p "$usr/bin" "$usr/share/qemu" "$lib"
  install -m 755 "$deb/usr/bin/qemu-system-aarch64" "$usr/bin/"
  copy_libraries "$deb" "$lib" "$usr/bin/qemu-system-aarch64" "${@:5}"
  # The option ROM of the network card that a virt machine has when nobody says otherwise.
  install -m 644 "$(find "$deb" -name efi-virtio.rom -type f | sed -n 1p)" "$usr/share/qemu/"
}

# packaged ARCH SUITE PACKAGE: its version there
packaged() {
  lab_apt "$1" apt-cache -o "APT::Default-Release=$2" show --no-all-versions "$3" |
    sed -n 's/^Version: [0-9]*:\([0-9.]*\).*/\1/p'
}

# setup_qemu_folder VERSION: a QEMU for this machine with the libraries and the loader that it was made for, so that
# nothing of the machine changes.
setup_qemu_folder() {
  local arch suite new dir=$LAB_CACHE/qemu-$1
  arch=$(dpkg --print-architecture)
  read_suites "$arch"
  suite=$(indexed "$arch" qemu "$1")
  new=$(mktemp -d "$LAB_CACHE/tmp/qemu.XXXXXX")
  copy_qemu "$arch" "$suite" "$new" lib
  # The machine's own QEMU may have modules, and the program ends when it finds some of another build.
  LC_ALL=C sed -i 's,/usr/lib\(/[a-z0-9_-]*linux-gnu/qemu\),/no/such\1,' "$new/out/usr/bin/qemu-system-aarch64"
  cat >"$new/out/qemu-system-aarch64" <<'SH'
#!/bin/sh
usr=$(dirname "$(readlink -f "$0")")/usr
exec "$usr"/lib/ld-linux* --library-path "$usr/lib" "$usr/bin/qemu-system-aarch64" -L "$usr/share/qemu" "$@"
SH
  chmod -R u+rwX,go+rX "$new/out"
  chmod +x "$new/out/qemu-system-aarch64"
  rm -rf "$dir"
  mv "$new/out" "$dir"
  stamp "qemu-$1" "QEMU $(packaged "$arch" "$suite" qemu-system-arm) in $dir"
  rm -rf "$new"
}

# setup_vmm [VERSION]: QEMU (trixie's) as a program of the guest, with a kernel for guests of its own: an archive that
# goes in after the initrd. Of 91 packages only what QEMU loads, since an emulated CPU unpacks it at every boot.
setup_vmm() {
  local part=vmm${1:+-$1} suite=trixie new
  need_part guest
  host_tools cpio:cpio
  read_suites arm64
  [[ $# == 0 ]] || suite=$(indexed arm64 qemu "$1")
  new=$(mktemp -d "$LAB_CACHE/tmp/vmm.XXXXXX")
  copy_qemu arm64 "$suite" "$new" lib/aarch64-linux-gnu "$LAB_CACHE/userland/lib"
  mkdir "$new/out/vmm"
  cp "$LAB_CACHE/kernels/6.12/Image" "$new/out/vmm/Image"
  archive "$new/out" >"$new/vmm.cpio"
  mv "$new/vmm.cpio" "$LAB_CACHE/$part.cpio"
  stamp "$part" "QEMU $(packaged arm64 "$suite" qemu-system-arm) for the guest, $(du -m "$LAB_CACHE/$part.cpio" | cut -f1) MB"
  rm -rf "$new"
}

# setup_ssh: OpenSSH (trixie's) as programs of the guest: an archive like QEMU's.
setup_ssh() {
  local new deb out file
  need_part guest
  host_tools cpio:cpio readelf:binutils
  note "fetching OpenSSH for the guest"
  new=$(mktemp -d "$LAB_CACHE/tmp/ssh.XXXXXX")
  deb=$new/deb out=$new/out
  unpack_packages arm64 "$deb" --with-all trixie openssh-client openssh-server
  mkdir -p "$out"/usr/{bin,sbin,lib/openssh,lib/aarch64-linux-gnu} "$out/run/sshd" "$out/etc"
  for file in usr/bin/ssh usr/bin/ssh-keygen usr/sbin/sshd usr/lib/openssh/sshd-{session,auth}; do
    install -m 755 "$deb/$file" "$out/$file"
    copy_libraries "$deb" "$out/usr/lib/aarch64-linux-gnu" "$out/$file" "$LAB_CACHE/userland/lib"
  done
  cat "$LAB_CACHE/userland/etc/passwd" - >"$out/etc/passwd" <<<'sshd:x:100:65534::/run/sshd:/bin/false'
  archive "$out" >"$new/ssh.cpio"
  mv "$new/ssh.cpio" "$LAB_CACHE/ssh.cpio"
  stamp ssh "OpenSSH $(packaged arm64 trixie openssh-server) for the guest, $(du -m "$LAB_CACHE/ssh.cpio" | cut -f1) MB"
  rm -rf "$new"
}

# Ends when no other setup is at work. The lock lasts as long as the shell that took it.
lock_cache() {
  cache_dir
  exec 9>"$LAB_CACHE/lock"
  flock -n 9 || { note "another setup is at work; waiting for it"; flock 9; }
  # Under the lock, temporary folders can only be left-overs of a setup that was interrupted.
  rm -rf "${LAB_CACHE:?}/tmp" 2>/dev/null || as_root rm -rf --one-file-system "${LAB_CACHE:?}/tmp"
  mkdir "$LAB_CACHE/tmp"
}

lab_setup() {
  local parts='' kernels='' part kernel started
  while [[ $# -gt 0 ]]; do
    case $1 in
      --parts | --kernels) [[ $# -ge 2 ]] || die $EX_USAGE "$1 needs a list; try: Scripts/lab help"; printf -v "${1#--}" %s "$2"; shift 2 ;;
      --parts=* | --kernels=*) part=${1%%=*}; printf -v "${part#--}" %s "${1#*=}"; shift ;;
      *) die $EX_USAGE "setup does not know '$1'; try: Scripts/lab help" ;;
    esac
  done
  [[ -n $parts$kernels ]] || parts=qemu,guest,cc,swift
  for part in ${parts//,/ }; do
    [[ -n $(part_version "$part") ]] || die $EX_USAGE "there is no part '$part'; try: Scripts/lab help"
  done
  if native_kvm; then
    note "this machine is arm64 with its own /dev/kvm: nothing to set up for run and swift-build without --kernel and --cpu"
  fi
  lock_cache
  for part in ${parts//,/ }; do
    if part_ready "$part"; then
      note "$part: ready"
      continue
    fi
    started=$SECONDS
    # What follows the hyphen is a version.
    # shellcheck disable=SC2086
    setup_${part/-/ }
    note "$part: ready after $((SECONDS - started)) s"
  done
  [[ -z $kernels ]] || need_part guest
  for kernel in ${kernels//,/ }; do
    kernel_ready "$kernel" || setup_kernel "$kernel"
    note "kernel $kernel: $(cat "$LAB_CACHE/kernels/$kernel/version")"
  done
}
