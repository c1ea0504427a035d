# Scripts/lab swift-build: Swift 6.0.3 (Debian 13) in a folder of its own, with an arm64 sysroot as a Swift SDK.
# Sourced, never run. Everything that mounts runs in a private mount namespace, so nothing can leak.
# shellcheck shell=bash

LAB_TRIPLE_DIR=usr/lib/aarch64-linux-gnu

in_namespace() { as_root unshare --mount --propagation private env VCPUSNAP_LAB="$LAB_CACHE" "$LAB_SELF" "$@"; }

setup_swift() {
  host_tools debootstrap:debootstrap unshare:util-linux cpio:cpio
  read_suites arm64
  as_root rm -rf --one-file-system "$LAB_CACHE/swift.new" "$LAB_CACHE/swift"
  mkdir -p "$LAB_CACHE/swift.new/opt/arm64"
  note "fetching the arm64 sysroot"
  unpack_packages arm64 "$LAB_CACHE/swift.new/sysroot" libc6 libc6-dev libgcc-14-dev libgcc-s1 libstdc++-14-dev libstdc++6 \
    libswiftlang swiftlang libzstd-dev libzstd1 libcrypt-dev linux-libc-dev
  note "making the Swift folder (about 2 minutes)"
  in_namespace __swift-bootstrap "$LAB_CACHE/swift.new/root" "$LAB_MIRROR" ||
    unavailable "making the Swift folder failed (no network?); details: $LAB_CACHE/log/swift.log"
  swift_sdk "$LAB_CACHE/swift.new"
  as_root mv "$LAB_CACHE/swift.new/root" "$LAB_CACHE/swift"
  as_root rm -rf --one-file-system "$LAB_CACHE/swift.new"
  stamp swift "$(as_root chroot "$LAB_CACHE/swift" dpkg-query -W -f '${Package} ${Version}' swiftlang), Debian trixie"
}

# As root, in a mount namespace.
swift_bootstrap() {
  local root=$1 mirror=$2
  quietly swift debootstrap --variant=minbase --include=ca-certificates --keyring="$LAB_KEYRING" trixie "$root" "$mirror"
  printf 'path-exclude=/usr/share/%s/*\n' doc man locale info lintian >"$root/etc/dpkg/dpkg.cfg.d/vcpusnap-lab"
  echo force-unsafe-io >>"$root/etc/dpkg/dpkg.cfg.d/vcpusnap-lab"
  mount -t proc proc "$root/proc" # swift crashes without it
  mount --rbind /dev "$root/dev"
  cp -L /etc/resolv.conf "$root/etc/resolv.conf"
  quietly swift chroot "$root" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
    swiftlang libzstd-dev git libc6-dev libstdc++-14-dev pkgconf
  rm -rf "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/usr/share/{doc,man,locale,info}/*
  # The machine's own certificate authorities, for package dependencies over https.
  [[ ! -s /etc/ssl/certs/ca-certificates.crt ]] || cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
  mkdir -p "$root/src" "$root/scratch"
}

# The sysroot and its description as a Swift SDK, under /opt of the Swift folder.
swift_sdk() {
  local new=$1 bundle
  rm -rf "$new/sysroot/usr/share" "$new/sysroot/usr/bin" "$new/sysroot/usr/libexec/swift/bin" "$new/sysroot/var" "$new/sysroot/etc"
  [[ -e $new/sysroot/lib && ! -L $new/sysroot/lib ]] && cp -a "$new/sysroot/lib/." "$new/sysroot/usr/lib/"
  rm -rf "$new/sysroot/lib"
  ln -s usr/lib "$new/sysroot/lib"
  bundle=$new/opt/sdk.artifactbundle
  mkdir -p "$bundle/arm64"
  cat >"$bundle/info.json" <<'JSON'
{"schemaVersion":"1.0","artifacts":{"debian-arm64":{"type":"swiftSDK","version":"0.1","variants":[{"path":"arm64"}]}}}
JSON
  cat >"$bundle/arm64/swift-sdk.json" <<'JSON'
{"schemaVersion":"4.0","targetTriples":{"aarch64-unknown-linux-gnu":{"sdkRootPath":"/opt/arm64",
 "swiftResourcesPath":"/opt/arm64/usr/libexec/swift/lib/swift",
 "swiftStaticResourcesPath":"/opt/arm64/usr/libexec/swift/lib/swift_static","toolsetPaths":["toolset.json"]}}}
JSON
  cat >"$bundle/arm64/toolset.json" <<'JSON'
{"schemaVersion":"1.0","swiftCompiler":{"extraCLIOptions":["-use-ld=lld"]}}
JSON
  # Without it the compiler warns once per module.
  cat >"$new/sysroot/SDKSettings.json" <<'JSON'
{"DisplayName":"Debian 13 arm64","CanonicalName":"debian-arm64","Version":"13.0","MaximumDeploymentTarget":"13.0.99"}
JSON
  as_root rm -rf "$new/root/opt/arm64" "$new/root/opt/sdk.artifactbundle"
  as_root mv "$new/sysroot" "$new/root/opt/arm64"
  as_root mv "$bundle" "$new/root/opt/sdk.artifactbundle"
  as_root chown -R root:root "$new/root/opt"
}

lab_swift_build() {
  local package=$LAB_CHECKOUT tree scratch args=() given=no name
  while [[ $# -gt 0 ]]; do
    case $1 in
      --package-path) [[ $# -ge 2 ]] || die $EX_USAGE "--package-path needs a folder"; package=$2; shift 2 ;;
      --package-path=*) package=${1#*=}; shift ;;
      -c | --configuration | --configuration=*) given=yes; args+=("$1"); shift ;;
      --scratch-path | --scratch-path=*) die $EX_USAGE "swift-build keeps its own scratch folder in the cache" ;;
      *) args+=("$1"); shift ;;
    esac
  done
  [[ -f $package/Package.swift ]] || die $EX_NOINPUT "no Package.swift in $package"
  package=$(cd "$package" && pwd -P)
  [[ $given == yes ]] || args=(-c release "${args[@]}")
  args+=(--static-swift-stdlib)
  cache_dir
  # The packages of this checkout depend on each other, so the build sees all of them, and they share what is compiled.
  # One scratch folder per checkout: the same one when built again, never shared between two. What Scripts/build-static
  # builds is compiled against other modules, and has one of its own.
  tree=$package
  [[ $package/ != "$LAB_CHECKOUT"/* ]] || tree=$LAB_CHECKOUT
  name=$(basename "$tree")-$(cksum <<<"$tree" | cut -d' ' -f1)${VCPUSNAP_STATIC:+-static}
  scratch=$LAB_CACHE/swift-build/$name
  mkdir -p "$scratch"
  # A plan of SwiftPM's is of one package, and looks for new files of that only.
  if [[ $(cat "$scratch/planned" 2>/dev/null) != "$package" ]] || [[ -n $(find "$tree"/{Package.swift,Sources} \
    "$package"/{Package.swift,Sources} \( -type d -o -name Package.swift \) -newer "$scratch/planned" -print -quit) ]]; then
    rm -f "$scratch"/{debug,release}.yaml
    echo "$package" >"$scratch/planned"
  fi

  if native_kvm && ! part_ready swift; then
    note "this machine is arm64: native build"
    swift build --package-path "$package" --scratch-path "$scratch" "${args[@]}" >&2
    swift build --package-path "$package" --scratch-path "$scratch" "${args[@]}" --show-bin-path
    return
  fi
  need_part swift
  # SwiftPM's own lock is of no use here: it is in /tmp, and each build has one of its own.
  exec 8>"$scratch.lock"
  flock -n 8 || { note "another build of this checkout is at work; waiting for it"; flock 8; }
  in_namespace __swift-chroot "$tree" "/src${package#"$tree"}" "$scratch" "${args[@]}"
}

# As root, in a mount namespace: swift_chroot_build TREE PACKAGE-INSIDE SCRATCH ARGS...
swift_chroot_build() {
  local root=$LAB_CACHE/swift tree=$1 package=$2 scratch=$3 key base bin status=0
  shift 3
  mount -t proc proc "$root/proc"
  mount --rbind /dev "$root/dev"
  mount -t tmpfs tmpfs "$root/tmp"
  mount --bind "$tree" "$root/src"
  mount --bind "$scratch" "$root/scratch"
  cp -L /etc/resolv.conf "$root/etc/resolv.conf"

  # The machine's git set-up as far as it says where packages come from: url.*.insteadOf and http.*.
  local config=$root/tmp/gitconfig
  git config -f "$config" safe.directory '*'
  if command -v git >/dev/null; then
    while IFS= read -r -d '' key; do
      # Entries are "name LF value".
      git config -f "$config" --add "${key%%$'\n'*}" "${key#*$'\n'}"
      [[ ${key%%$'\n'*} == url.*.insteadof ]] || continue
      base=${key%%$'\n'*}
      base=${base#url.}
      base=${base%.insteadof}
      base=${base#file://}
      # A mirror in a local folder must be at the same place inside.
      if [[ $base == /?* && -d $base ]] && ! mountpoint -q "$root/${base#/}"; then
        mkdir -p "$root/${base#/}"
        mount --bind "$base" "$root/${base#/}"
      fi
    done < <(cd / && git config --list -z | grep -zE '^(url\..*\.insteadof|http\.(proxy|sslverify|.*\.proxy))'$'\n' || true)
  fi

  # Without the random seeds of hashing: a plan whose order differs has everything compiled again.
  local run=(chroot "$root" env -i SWIFT_DETERMINISTIC_HASHING=1 HOME=/root PATH=/usr/bin:/usr/sbin:/bin:/sbin LANG=C.UTF-8
    TERM="${TERM:-dumb}" GIT_CONFIG_GLOBAL=/tmp/gitconfig GIT_CONFIG_SYSTEM=/dev/null
    PKG_CONFIG_PATH="/opt/arm64/$LAB_TRIPLE_DIR/pkgconfig" PKG_CONFIG_LIBDIR="/opt/arm64/$LAB_TRIPLE_DIR/pkgconfig"
    PKG_CONFIG_SYSROOT_DIR=/opt/arm64
    ${VCPUSNAP_STATIC:+"VCPUSNAP_STATIC=1"} ${http_proxy:+"http_proxy=$http_proxy"} ${https_proxy:+"https_proxy=$https_proxy"} ${no_proxy:+"no_proxy=$no_proxy"}
    swift build --package-path "$package" --scratch-path /scratch --cache-path /scratch/package-cache
    --disable-sandbox --swift-sdks-path /opt --swift-sdk debian-arm64)
  "${run[@]}" "$@" >&2 </dev/null || status=$?
  [[ $status == 0 ]] || die "$status" "the cross build failed (swift build's status $status)"
  bin=$("${run[@]}" "$@" --show-bin-path 2>/dev/null </dev/null)
  # Inside it is /scratch/...; outside it is in the cache. (The folder's name says the triple.)
  echo "$scratch/$(realpath -m --relative-to=/scratch "$bin")"
}
