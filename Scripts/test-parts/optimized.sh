# Sourced by Scripts/test and test-durability, which share what is built.
# shellcheck shell=bash

# optimized build|test ARGUMENT...: that command of swift, with the sources optimized (Package.swift) and warnings as
# errors; in a folder of its own, because plain `swift build` does not optimize.
optimized() {
  VCPUSNAP_OPTIMIZED=1 swift "$1" --scratch-path .build/tests -Xswiftc -warnings-as-errors "${@:2}"
}
