#!/usr/bin/env python3
"""Checks that vcpusnap reads every register of the interrupt controllers in streams of QEMU's emulation.

usage: controllers.py VCPUSNAP QEMU [QEMU]...

Each QEMU is a qemu-system-aarch64. In each of CASES a program gives the registers other values, at random places and of a
seed that is printed, and reads its CPU interface back. What `vcpusnap show` says of the stream is held against

- `interrupts.py`, which goes by the stream's own description: every register, and no other;
- what QEMU's monitor reads at the same stop in the distributor, the redistributors and the ITS (`xp`; `info pic` tells
  nothing of a GIC), and what the program read. A machine with a Secure side shows either the half of it.
"""

import json
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True

from qemu import VM, QEMUError

PARSER = pathlib.Path(__file__).resolve().parent.parent / "interrupts.py"
RAM, RESULTS = 0x40000000, 0x40f00000
GICD, GICC, GITS, GICR = 0x8000000, 0x8010000, 0x8080000, 0x80a0000
FRAME = 0x20000  # of a redistributor
SPIS = 8  # words of 32

# Name, options of the machine, vCPUs.
CASES = [
    ("v2", "gic-version=2", 1), ("v2-2cpu", "gic-version=2", 2), ("v2-virt", "gic-version=2,virtualization=on", 2),
    ("v3-its", "gic-version=3", 2), ("v3-virt", "gic-version=3,virtualization=on", 2),
    ("v3-secure", "gic-version=3,secure=on", 2),
]

ICC = {  # op1, CRn, CRm, op2, and which bits may be set
    "ICC_PMR_EL1": (0, 4, 6, 0, 0xf0), "ICC_BPR0_EL1": (0, 12, 8, 3, 7), "ICC_BPR1_EL1": (0, 12, 12, 3, 7),
    "ICC_CTLR_EL1": (0, 12, 12, 4, 0x42), "ICC_IGRPEN0_EL1": (0, 12, 12, 6, 1), "ICC_IGRPEN1_EL1": (0, 12, 12, 7, 1),
}


def move(register, value):
    halves = [(half, value >> 16 * half & 0xffff) for half in range(4)]
    first, *others = [pair for pair in halves if pair[1]] or halves[:1]
    return [0xd2800000 | first[0] << 21 | first[1] << 5 | register] + [
        0xf2800000 | half << 21 | bits << 5 | register for half, bits in others]


def store(address, value, size=4):
    return move(1, address) + move(0, value) + [0xb9000020 if size == 4 else 0xf9000020]


def system(op1, crn, crm, op2, read):
    return 0xd5000000 | read << 21 | 3 << 19 | op1 << 16 | crn << 12 | crm << 8 | op2 << 5


class Program:
    """What a vCPU runs, which ends in a loop."""

    def __init__(self, cpu, case, rng):
        name, options, vcpus = case
        self.base, self.results, self.code = RAM + 0x200000 + cpu * 0x100000, [], []
        self.rng = rng
        if name.startswith("v2"):
            self.banked_of_v2()
        else:
            self.redistributor(GICR + cpu * FRAME)
            self.cpu_interface(RESULTS + cpu * 0x1000)
        if cpu == 0:
            self.distributor(name)
            if name == "v3-its":
                self.its()
            if vcpus > 1 and "secure" not in options:
                self.code += move(0, 0xc4000003) + move(1, 1) + move(2, self.base + 0x100000)
                self.code += [0xd4000003 if "virtualization" in options else 0xd4000002]
        self.loop = self.base + 4 * len(self.code)
        self.code.append(0x14000000)

    def word(self):
        return self.rng.getrandbits(32)

    def banked_of_v2(self):
        for offset in (0x80, 0x100, 0x200, 0x300):
            self.code += store(GICD + offset, self.word())
        for index in range(8):
            self.code += store(GICD + 0x400 + 4 * index, self.word())
        self.code += store(GICC + 4, self.word() & 0xff) + store(GICC + 8, self.word() & 7) + store(GICC, self.word() & 1)

    def redistributor(self, frame):
        self.code += store(frame + 0x70, self.word() << 12 | 0xf, 8) + store(frame + 0x78, self.word() << 16, 8)
        for offset in (0x80, 0x100, 0x200, 0x300, 0xc04):
            self.code += store(frame + 0x10000 + offset, self.word())
        for index in range(8):
            self.code += store(frame + 0x10400 + 4 * index, self.word())

    def cpu_interface(self, results):
        for index, (name, (*encoding, mask)) in enumerate(ICC.items()):
            self.code += move(0, self.word() & mask) + [system(*encoding, read=0), 0xd5033fdf]
        for index, (name, (*encoding, _)) in enumerate(ICC.items()):
            self.code += [system(*encoding, read=1)] + move(1, results + 8 * index) + [0xf9000020]
            self.results.append((name, results + 8 * index))

    def distributor(self, name):
        self.code += store(GICD, 0x37 if name != "v2" else 1)
        for word in range(1, SPIS + 1):
            for offset in (0x80, 0x100, 0x200, 0x300):
                self.code += store(GICD + offset + 4 * word, self.word())
            for half in (0, 1):
                self.code += store(GICD + 0xc00 + 8 * word + 4 * half, self.word())
            for intid in range(32 * word, 32 * word + 32, 4):
                self.code += store(GICD + 0x400 + intid, self.word())
                if name.startswith("v2"):
                    self.code += store(GICD + 0x800 + intid, self.word() & 0x03030303)
            for intid in range(32 * word, 32 * word + 32):
                if not name.startswith("v2"):
                    self.code += store(GICD + 0x6000 + 8 * intid, self.word() & 0x80000001, 8)

    def its(self):
        self.code += store(GITS + 0x80, 1 << 63 | (self.word() & 0xfff) << 16 | 0xf, 8)
        for index in range(8):
            self.code += store(GITS + 0x100 + 8 * index, self.word() << 12, 8)
        self.code += store(GITS + 0x88, self.word() & 0xffe0, 8)


def address(name):
    """Where a register is for the monitor; None for one that it does not show as KVM does."""
    if match := re.fullmatch(r"GICD_(IGROUPR|ISENABLER|ISPENDR|ISACTIVER|IPRIORITYR|ICFGR)(\d+)", name):
        # GICD_ITARGETSR reads as 0 where there is one CPU.
        starts = {"IGROUPR": 0x80, "ISENABLER": 0x100, "ISPENDR": 0x200, "ISACTIVER": 0x300, "IPRIORITYR": 0x400,
                  "ICFGR": 0xc00}
        return GICD + starts[match[1]] + 4 * int(match[2]), 4
    if match := re.fullmatch(r"GICD_IROUTER(\d+)", name):
        return GICD + 0x6000 + 8 * int(match[1]), 8
    if match := re.fullmatch(r"GITS0_BASER(\d)", name):
        return GITS + 0x100 + 8 * int(match[1]), 8
    if match := re.fullmatch(r"GICR_IPRIORITYR(\d)", name):
        return GICR + 0x10400 + 4 * int(match[1]), 4
    return {"GITS0_CBASER": (GITS + 0x80, 8), "GITS0_CREADR": (GITS + 0x90, 8), "GITS0_CWRITER": (GITS + 0x88, 8),
            "GICR_IGROUPR0": (GICR + 0x10080, 4), "GICR_ISENABLER0": (GICR + 0x10100, 4),
            "GICR_ISPENDR0": (GICR + 0x10200, 4), "GICR_ISACTIVER0": (GICR + 0x10300, 4),
            "GICR_ICFGR1": (GICR + 0x10c04, 4), "GICR_PENDBASER": (GICR + 0x78, 8),
            "GICR_PROPBASER": (GICR + 0x70, 8)}.get(name)


def read(vm, place, size):
    words = [int(vm.monitor(f"xp /1wx {place + 4 * half:#x}").split(":")[1], 16) for half in range(size // 4)]
    return sum(word << 32 * half for half, word in enumerate(words))


def parsed(path):
    text = subprocess.run([sys.executable, PARSER, path], capture_output=True, text=True, check=True).stdout
    return {(unit, name): int(value, 16) for unit, name, value in (line.split() for line in text.splitlines())}


def shown(vcpusnap, path):
    """The same as vcpusnap says it."""
    text = subprocess.run([vcpusnap, "show", path, "--json"], capture_output=True, text=True, check=True).stdout
    report = json.loads(text)
    units = [("vm", report["vm"])] + [(str(vcpu["index"]), vcpu) for vcpu in report["vcpus"]]
    return {(unit, register["name"]): int(register["value"], 16) for unit, state in units
            for register in state["registers"] if register["category"] == "interrupt controller"}


def run(qemu, case, path, rng):
    """Leaves the stream at the path; what the program and the monitor read."""
    name, options, vcpus = case
    programs = [Program(cpu, case, rng) for cpu in range(vcpus)]
    with tempfile.TemporaryDirectory(prefix="tcg-") as folder:
        arguments = ["-accel", "tcg", "-M", f"virt,{options}", "-cpu", "cortex-a57", "-smp", str(vcpus), "-m", "64"]
        for cpu, program in enumerate(programs):
            file = pathlib.Path(folder) / f"program{cpu}"
            file.write_bytes(b"".join(word.to_bytes(4, "little") for word in program.code))
            # With a Secure side there is no PSCI, and all CPUs run from the start.
            start = f",cpu-num={cpu}" if cpu == 0 or "secure" in options else ""
            arguments += ["-device", f"loader,file={file},addr={program.base:#x},force-raw=on{start}"]
        with VM(qemu, arguments, folder) as vm:
            end = time.monotonic() + 120
            while sorted(vm.program_counters()) != sorted(program.loop for program in programs):
                if time.monotonic() > end:
                    raise QEMUError(f"{name}: the programs are at {[hex(pc) for pc in vm.program_counters()]}")
                time.sleep(0.05)
            vm.command("stop")
            vm.migrate(f"exec:cat >{path}")
            told = {}
            if "secure" in options:
                return told
            for cpu, program in enumerate(programs):
                told.update({(str(cpu), register): read(vm, place, 8) for register, place in program.results})
            if name.startswith("v2") and vcpus > 1:  # which asks what CPU reads it
                return told
            for unit, register in parsed(path):
                if (found := address(register)) is not None:
                    frame = FRAME * int(unit) if register.startswith("GICR_") and unit != "vm" else 0
                    told[unit, register] = read(vm, found[0] + frame, found[1])
            return told


def differences(values, expected, told):
    """Lines about what is not the same; and how many values the monitor and the program had."""
    for key in sorted(values.keys() | expected.keys()):
        if values.get(key) != expected.get(key) and key[1] != "UNKNOWN_STATE":
            yield f"{key}: shown {values.get(key)}, the second parser has {expected.get(key)}"
    for (unit, name), value in told.items():
        # The monitor also shows what is pending by its line.
        lines = values.get((unit, name.replace("GICD_ISPENDR", "GIC_LINE_LEVEL").replace(
            "GICR_ISPENDR", "GIC_LINE_LEVEL")), 0) if "ISPENDR" in name else 0
        if values[unit, name] | lines != value | lines:
            yield f"{unit} {name}: shown {values[unit, name]:#x}, QEMU has {value:#x}"


def main():
    vcpusnap, *qemus = sys.argv[1:]
    seed = random.SystemRandom().getrandbits(32)
    count = registers = told_count = 0
    failed = []
    for qemu in qemus:
        version = re.search(r"version ([\d.]+)", subprocess.run(
            [qemu, "--version"], capture_output=True, text=True, check=True).stdout)[1]
        for case in CASES:
            with tempfile.TemporaryDirectory(prefix="tcg-") as folder:
                path = f"{folder}/stream"
                told = run(qemu, case, path, random.Random(f"{seed} {case[0]}"))
                values, expected = shown(vcpusnap, path), parsed(path)
            problems = list(differences(values, expected, told))
            failed += [f"{version} {case[0]} {problem}" for problem in problems]
            count, registers, told_count = count + 1, registers + len(expected), told_count + len(told)
            print(f"{version} {case[0]}: {len(expected)} registers, {len(told)} of them read in QEMU", flush=True)
    print("\n".join(failed[:40]))
    print(f"{count} streams, {registers} registers as the second parser has them, {told_count} as QEMU has them, "
          f"{len(failed)} differ (seed {seed})")
    return 1 if failed or not told_count else 0


if __name__ == "__main__":
    sys.exit(main())
