#!/usr/bin/env python3
"""Puts what KVM saved into streams of QEMU's own emulation, loads them there, and reads the registers back.

usage: convert.py VCPUSNAP STREAMS [--qemu PROGRAM]

STREAMS is a folder with streams of KVM, kvm-*.mig. For each a VM with the same number of vCPUs, of the model max, is
started and saved; `vcpusnap convert --into` puts the registers of the KVM stream into that; QEMU must load it; and the
running QEMU's registers (`save qmp:`) must be those of the stream it loaded. Prints how many came from KVM. Exits 69
without QEMU.
"""

import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import qemu  # noqa: E402

# Other views of registers that are in the list too: the AArch64 ones are loaded after them.
AARCH32 = ("0x40",)


def run(*command, most=0):
    process = subprocess.run(command, capture_output=True, text=True)
    if process.returncode > most:
        sys.exit(f"{' '.join(map(str, command[1:]))}: {process.stderr}")
    return process.stdout


def registers(program, path):
    """The registers of each vCPU, by id."""
    shown = json.loads(run(program, "show", path, "--show-keys", "--format", "json"))
    return [{register["id"]: register["value"] for register in vcpu["registers"]
             if not register["id"].startswith(AARCH32)} for vcpu in shown["vcpus"]]


def machine(vcpus):
    return ["-M", "virt", "-cpu", "max", "-smp", str(vcpus), "-m", "64", "-S"]


def convert(program, emulator, stream, folder):
    """How many registers QEMU has from the KVM stream; the differences of what it loaded and what it has."""
    template, converted, snapshot = (folder / name for name in ("template", "converted", "loaded"))
    vcpus = len(registers(program, stream))
    with qemu.VM(emulator, machine(vcpus), folder) as vm:
        vm.migrate(f"file:{template}")
    report = json.loads(run(
        program, "convert", stream, "--into", template, "-o", converted, "--format", "json", most=1))
    with qemu.VM(emulator, [*machine(vcpus), "-incoming", "defer"], folder) as vm:
        vm.command("migrate-incoming", uri=f"file:{converted}")
        while vm.command("query-migrate").get("status") not in ("completed", "failed"):
            pass
        vm.connection.close()
        vm.lines.close()
        run(program, "save", f"qmp:{vm.qmp_path}", "-o", snapshot)
    taken = sum(register["outcome"] in ("restored", "already-equal")
                for vcpu in report["vcpus"] for register in vcpu["registers"])
    moving = {"0x603000000013df11"}  # CNTP_CTL_EL0 shows whether the time is reached.
    differences = [(index, number, value, has.get(number))
                   for index, (wants, has) in enumerate(zip(
                       registers(program, converted), registers(program, snapshot), strict=True))
                   for number, value in wants.items() if has.get(number) != value and number not in moving]
    return taken, differences


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("streams", type=pathlib.Path)
    parser.add_argument("--qemu", default="qemu-system-aarch64")
    options = parser.parse_args()
    if not shutil.which(options.qemu):
        print("convert.py: no qemu-system-aarch64 here", file=sys.stderr)
        return 69
    failures = count = 0
    for stream in sorted(options.streams.glob("kvm-*.mig")):
        with tempfile.TemporaryDirectory() as name:
            taken, differences = convert(options.program, options.qemu, stream, pathlib.Path(name))
        count += 1
        failures += bool(differences)
        print(f"{stream.name}: QEMU loads it, {taken} registers are KVM's, {len(differences)} differ")
        for vcpu, number, value, has in differences:
            print(f"  vCPU {vcpu}, {number}: {value} in the stream, QEMU has {has}")
    return 1 if failures or not count else 0


if __name__ == "__main__":
    sys.exit(main())
