#!/usr/bin/env python3
"""Makes a state.json of cloud-hypervisor as Formats/cloud-hypervisor-state.md says, and prints what it holds: UNIT ID VALUE.

usage: cloud-hypervisor.py FILE [VCPUS [PROFILE [RELEASE]]]

RELEASE is 35 (bytes and field names), 39, 50 (the controller in "Kvm") or 53 (further lists, a clock), which is the default.
"""

import json
import struct
import sys

import vcpus as made

INTERRUPTS = 256
CLOCK = {"cntvct": (1 << 64) - 1, "host_realtime_ns": 1795863436000000000, "cntfrq": 62500000}
CORE_SIZE = 864


def place(register):
    """Where a core register is in struct kvm_regs: its id counts words."""
    return 4 * (register & 0xffff)


def core_bytes(registers):
    raw = bytearray(CORE_SIZE)
    for register, value in registers.items():
        if made.group(register) == made.CORE:
            raw[place(register):place(register) + made.size(register)] = value.to_bytes(made.size(register), "little")
    return list(raw)


def core_fields(registers):
    def value(register):
        return registers.get(register, 0)

    return {
        "regs": {
            "regs": [value(made.X0 + 2 * index) for index in range(31)],
            "sp": value(made.SP), "pc": value(made.PC), "pstate": value(made.PSTATE)},
        "sp_el1": value(made.SP_EL1), "elr_el1": value(made.ELR_EL1),
        "spsr": [value(made.SPSR + 2 * index) for index in range(5)],
        "fp_regs": {
            "vregs": [value(made.V0 + 4 * index) for index in range(32)],
            "fpsr": value(made.FPSR), "fpcr": value(made.FPCR)}}


def vcpu_state(registers, state, release):
    others = {register: value for register, value in registers.items() if made.group(register) not in (made.CORE, made.SVE)}
    if release < 39:
        result = {
            "mp_state": {"mp_state": state}, "core_regs": core_fields(registers),
            "sys_regs": [{"id": register, "addr": value} for register, value in others.items()]}
    else:
        result = {
            "mp_state": list(struct.pack("<I", state)), "core_regs": core_bytes(registers),
            "sys_regs": [list(struct.pack("<QQ", *pair)) for pair in others.items()]}
    if release >= 53:
        wide = [{"id": register, "data": list(value.to_bytes(made.size(register), "little"))}
                for register, value in registers.items() if made.group(register) == made.SVE]
        result["pre_finalize_regs"] = [entry for entry in wide if entry["id"] & 0xffff == 0xffff]
        result["extended_regs"] = [entry for entry in wide if entry["id"] & 0xffff != 0xffff]
    return {"Kvm": result}


def dumped(value):
    return json.dumps(value, separators=(",", ":"))


def node(state, release, below=None):
    """A node of the tree."""
    text = None if state is None else dumped(state)
    data = None if text is None else list(text.encode()) if release < 39 else {"state": text}
    return {"snapshots": below or {}, "snapshot_data": data}


def controller(numbers):
    words = made.distributor(INTERRUPTS)
    blocks = range(1, INTERRUPTS // 32)
    # Those that clear read as those that set.
    dist = [words[made.GICD_STATUSR]]
    for first in (0x100, 0x100, 0x80):
        dist += [words[first + 4 * block] for block in blocks]
    dist += [words[made.GICD_IROUTER + 4 * word] for word in range(64, 2 * INTERRUPTS)]
    dist += [words[made.GICD_ICFGR + 4 * word] for word in range(2, INTERRUPTS // 16)]
    for first in (0x200, 0x200, 0x300, 0x300):
        dist += [words[first + 4 * block] for block in blocks]
    dist += [words[made.GICD_IPRIORITYR + 4 * word] for word in range(8, INTERRUPTS // 4)]
    frames = [made.redistributor(number) for number in numbers]
    first = [0x10, 0x14, 0x70, 0x74, 0x78, 0x7c, 0]
    second = [0x10080, 0x10100, 0x10100, 0x10c00, 0x10c04, 0x10200, 0x10200, 0x10300, 0x10300]
    second += [0x10400 + 4 * index for index in range(8)]
    return {
        "dist": dist,
        "rdist": [frame[offset] for offsets in (first, second) for frame in frames for offset in offsets],
        "icc": [value for number in numbers for value in made.interface(number).values()],
        "gicd_ctlr": words[made.GICD_CTLR], "its_ctlr": 1, "its_iidr": 0x4b00043b, "its_cbaser": 0x8000000040000000,
        "its_cwriter": 0x40, "its_creadr": 0x40, "its_baser": [0x8107000000000000, 0x8407000000000000, 0, 0, 0, 0, 0, 0]}


def its_registers(state):
    def own(offset, exponent):
        return made.own(9, offset // 4 << 8, exponent)

    singles = {(0, 2): "its_ctlr", (4, 2): "its_iidr", (0x80, 3): "its_cbaser", (0x88, 3): "its_cwriter", (0x90, 3): "its_creadr"}
    result = {own(*key): state[name] for key, name in singles.items()}
    return result | {own(0x100 + 8 * index, 3): state["its_baser"][index] for index in range(8)}


def main():
    path, count = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 1
    profile = sys.argv[3] if len(sys.argv) > 3 else "6.12-neoverse-n1"
    release = int(sys.argv[4]) if len(sys.argv) > 4 else 53
    groups = (made.CORE, made.SVE, made.FIRMWARE, made.BITMAP, made.SYSTEM, made.DEMUX)
    if release < 53:
        groups = tuple(group for group in groups if group != made.SVE)
    all_vcpus = {number: made.vcpu(number, profile, groups) for number in range(count)}
    states = {number: 5 if number else 0 for number in all_vcpus}
    gic = controller(all_vcpus)
    below = {str(number): node(vcpu_state(registers, states[number], release), release) for number, registers in all_vcpus.items()}
    tree = node({"clock": CLOCK} if release >= 53 else {}, release, {
        "cpu-manager": node(None, release, dict(sorted(below.items()))),
        "device-manager": node({}, release, {"gic-v3-its": node({"Kvm": gic} if release >= 50 else gic, release)}),
        "memory-manager": node(None, release)})
    with open(path, "w") as file:
        file.write(dumped(tree))
    for number, registers in all_vcpus.items():
        registers[made.MP_STATE] = states[number]
        if any(made.group(register) == made.SVE for register in registers):
            for register in [made.FPSR, made.FPCR, *(made.V0 + 4 * index for index in range(32))]:
                registers.pop(register, None)
    all_vcpus, vm = made.with_controller(all_vcpus, INTERRUPTS)
    vm |= its_registers(gic)
    # Distributor, redistributors and ITS are below one another.
    redistributors = 0x8ff0000 - 0x20000 * count
    vm |= {made.own(2, 2, 3): 0x8ff0000, made.own(2, 3, 3): redistributors, made.own(9, 0xf000, 3): redistributors - 0x20000}
    if release >= 53:
        vm |= {made.own(6, index, 3): CLOCK[name] for index, name in ((0, "cntvct"), (2, "host_realtime_ns"), (3, "cntfrq"))}
    made.print_units(all_vcpus, vm)


main()
