#!/usr/bin/env python3
"""Checks what plan and mend say of streams that go from one QEMU to another, with these QEMUs.

usage: versions.py VCPUSNAP QEMU QEMU [QEMU]... [--cpu CPU]... [--machine TYPE]

Each QEMU is a qemu-system-aarch64. For each CPU and each two of them the one saves a VM that has not run, and the other is
given the stream:

- it loads it if and only if plan says so, and where it does not, it ends with the last line that plan says;
- plan says the same of the VM itself (qmp:), before the stream is written, and so it does of a host with KVM;
- it loads what mend makes of it for that QEMU, also when it does not load the stream itself, and then holds in every
  register what the mended stream has.

The same with two vCPUs and streams without a description (suppress-vmdesc). A machine of another type refuses each stream
with the words that plan says.
"""

import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True

import cpu_section
from qemu import VM, QEMUError

CPUS = ["cortex-a57", "cortex-a72", "neoverse-n1", "a64fx", "max"]


class Machine:
    """A QEMU, a CPU, a machine type with its options, and how many vCPUs there are."""

    def __init__(self, program, cpu, machine, vcpus=1):
        self.program, self.cpu, self.machine, self.vcpus = program, cpu, machine, vcpus
        text = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
        self.version = re.search(r"version ([\d.]+)", text)[1]

    def start(self, folder, *more):
        return VM(self.program, ["-accel", "tcg", "-M", self.machine, "-cpu", self.cpu, "-smp", str(self.vcpus), "-m", "64",
                                 "-S", *more], folder)

    def save(self, path, ask=lambda _: None):
        """Before that, ask is called with the path of a QMP socket that is free."""
        with tempfile.TemporaryDirectory(prefix="tcg-") as folder:
            free = f"{folder}/free"
            with self.start(folder, "-qmp", f"unix:{free},server=on,wait=off") as vm:
                ask(free)
                vm.migrate(f"exec:cat >{path}")

    def load(self, path):
        """The registers that it has then, or else the last line that it printed."""
        with tempfile.TemporaryDirectory(prefix="tcg-") as folder:
            with self.start(folder, "-incoming", "defer") as vm:
                try:
                    vm.command("migrate-incoming", uri=f"exec:cat {path}")
                    while vm.command("query-migrate").get("status") != "completed":
                        pass
                    resaved = pathlib.Path(folder) / "resaved"
                    vm.command("xen-save-devices-state", filename=str(resaved), live=False)
                    return [cpu.registers for cpu in cpu_section.read_cpus(resaved.read_bytes())], None
                except (QEMUError, OSError):
                    vm.process.wait(10)
                    return None, re.sub(r"^[^:]*: ", "", vm.log().splitlines()[-1])


class Check:
    def __init__(self, vcpusnap, folder):
        self.vcpusnap, self.folder, self.failures = vcpusnap, folder, 0

    def run(self, *arguments):
        return subprocess.run([self.vcpusnap, *arguments], capture_output=True, text=True, check=False)

    def expect(self, what, is_so, detail=""):
        print(f"{'ok  ' if is_so else 'FAIL'} {what}{'' if is_so else ': ' + str(detail)}", flush=True)
        self.failures += not is_so

    def pair(self, source, target):
        whole = [] if source.vcpus == 1 else ["--undescribed"]
        name = f"{source.cpu} {source.version} -> {target.version}{' without description' if whole else ''}"
        stream, mended = self.folder / "stream", self.folder / "mended"
        mended.unlink(missing_ok=True)
        destinations = [["--tcg", target.cpu], ["--host", "6.12-neoverse-n1"]]
        running, saved = [], []

        def ask(plans, guest, *more):
            for words in destinations:
                plan = self.run("plan", guest, "--qemu", target.version, "--format", "json", *words, *more)
                said = json.loads(plan.stdout)["hosts"][0]
                # Their words name the stream.
                said["remedies"] = [remedy["remedy"] for remedy in said["remedies"]]
                plans.append((plan.returncode, said))

        source.save(stream, lambda socket: ask(running, f"qmp:{socket}"))
        ask(saved, str(stream), *whole)
        self.expect(f"{name}: it says the same of the VM itself", running == saved,
                    [(key, a[1].get(key), b[1].get(key)) for a, b in zip(running, saved)
                     for key in a[1].keys() | b[1].keys() if a[1].get(key) != b[1].get(key)])
        said = saved[0][1]
        registers, line = target.load(stream)
        fails = said["verdict"] == "fails"
        self.expect(f"{name}: plan says {said['verdict']}", fails == (registers is None), line)
        if fails and line:
            self.expect(f"{name}: with its words", said["output"][-1] in line, (said["output"], line))
        mend = self.run("mend", str(stream), "--for-qemu", target.version, "--tcg", target.cpu, "--policy", "force",
                        "-o", str(mended), *whole)
        self.expect(f"{name}: it is mended", mend.returncode == 0, mend.stdout + mend.stderr)
        if mend.returncode == 0:
            registers, line = target.load(mended)
            self.expect(f"{name}: and loads", registers is not None, line)
            wanted = [cpu.registers for cpu in cpu_section.read_cpus(mended.read_bytes())]
            self.expect(f"{name}: with every value", registers == wanted,
                        [(hex(a[0]), a[1], b[1]) for one, other in zip(wanted, registers or [])
                         for a, b in zip(one, other) if a != b])

    def other_machine(self, source, target):
        stream, there = self.folder / "stream", self.folder / "there"
        source.save(stream)
        target.save(there)
        plan = self.run("plan", str(stream), "--to", str(there), "--qemu", target.version, "--format", "json")
        said = json.loads(plan.stdout)["hosts"][0]
        registers, line = target.load(stream)
        self.expect(f"{source.machine} -> {target.machine} of {target.version}: refused with its words",
                    registers is None and said["output"][-1] in line, (said["output"], line))


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].split("\n")[0])
    parser.add_argument("vcpusnap")
    parser.add_argument("programs", nargs="+")
    parser.add_argument("--cpu", action="append", default=[])
    parser.add_argument("--machine", default="virt-7.2")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="versions-") as folder:
        check = Check(options.vcpusnap, pathlib.Path(folder))
        for cpu in options.cpu or CPUS:
            machines = [Machine(program, cpu, options.machine) for program in options.programs]
            bare = [Machine(program, cpu, f"{options.machine},suppress-vmdesc=on", 2) for program in options.programs]
            for group in (machines, bare):
                for source in group:
                    for target in group:
                        if source is not target:
                            check.pair(source, target)
        newest = [Machine(program, CPUS[0], "virt") for program in options.programs]
        for target in (machine for machine in newest if not machine.version.startswith(options.machine[5:])):
            check.other_machine(Machine(target.program, CPUS[0], options.machine), target)
    return 1 if check.failures else 0


if __name__ == "__main__":
    sys.exit(main())
