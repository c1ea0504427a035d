#!/usr/bin/env python3
"""Makes the folder of a crosvm snapshot as Formats/crosvm-snapshot.md says, and prints what it holds: UNIT ID VALUE.

usage: crosvm.py FOLDER [VCPUS [PROFILE [ENCODING]]]

ENCODING is cbor, which is the default, json, or early: JSON without the registers that crosvm saves since March 2025.
"""

import json
import pathlib
import sys

import vcpus as made

INTERRUPTS = 64
SYSTEM_IDS, DEMUX_IDS, FIRMWARE_IDS = 0x6030000000130000, 0x6020000000110000, 0x6030000000140000
CVAL, CNT = 0xdf1a, 0xdf02
SPSR_ABT, SPSR_UND, SPSR_IRQ, SPSR_FIQ = (made.SPSR + 2 * index for index in (1, 2, 3, 4))
# struct kvm_regs under the encodings of system registers.
CORE_KEYS = {
    made.SPSR: 0xc200, made.ELR_EL1: 0xc201, made.SP_EL1: 0xe208, SPSR_IRQ: 0xe218, SPSR_ABT: 0xe219,
    SPSR_UND: 0xe21a, SPSR_FIQ: 0xe21b, made.FPCR: 0xda20, made.FPSR: 0xda21}
# KVM has the two under each other's encoding.
SWAPPED = {0xdf02: CVAL, 0xdf1a: CNT}


def head(kind, number):
    if number < 24:
        return bytes([kind << 5 | number])
    size = next(size for size in (1, 2, 4, 8) if number < 1 << 8 * size)
    return bytes([kind << 5 | 24 + (1, 2, 4, 8).index(size)]) + number.to_bytes(size, "big")


def cbor(value):
    if isinstance(value, int):
        if value < 1 << 64:
            return head(0, value)
        raw = value.to_bytes((value.bit_length() + 7) // 8, "big")
        return head(6, 2) + head(2, len(raw)) + raw
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(cbor, value))
    return head(5, len(value)) + b"".join(cbor(key) + cbor(item) for key, item in value.items())


def vcpu_file(number, registers, encoding):
    system = {}
    for register, value in registers.items():
        if made.group(register) == made.SYSTEM:
            low = register & 0xffff
            system[SWAPPED.get(low, low)] = value
        elif register in CORE_KEYS and encoding != "early":
            system[CORE_KEYS[register]] = value
    low = lambda group: {register & 0xffff: value for register, value in registers.items() if made.group(register) == group}
    return {
        "vcpu_id": number, "sp": registers[made.SP], "pc": registers[made.PC], "pstate": registers[made.PSTATE],
        "x": [registers[made.X0 + 2 * index] for index in range(31)],
        "v": [registers[made.V0 + 4 * index] for index in range(32)],
        "sys": dict(sorted(system.items())), "cache_arch_info": low(made.DEMUX),
        "hypervisor_data": {"firmware_regs": low(made.FIRMWARE)}}


def frame(words, size):
    return [words.get(offset, 0) for offset in range(0, size, 4)]


def main():
    folder, count = pathlib.Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1
    profile = sys.argv[3] if len(sys.argv) > 3 else "6.12-neoverse-n1"
    encoding = sys.argv[4] if len(sys.argv) > 4 else "cbor"
    groups = (made.CORE, made.FIRMWARE, made.SYSTEM, made.DEMUX)
    all_vcpus = {number: made.vcpu(number, profile, groups) for number in range(count)}
    encoded = cbor if encoding == "cbor" else lambda value: json.dumps(value, separators=(",", ":")).encode()
    # The whole frames are there: TYPER, which says how many interrupts there are, and IIDR, too.
    words = made.distributor(INTERRUPTS) | {4: 0x480000 | INTERRUPTS // 32 - 1, 8: 0x4b00343b}
    frames = {number: made.redistributor(number) | {4: 0x4b00043b, 8: number << 8, 12: made.affinity(number)} for number in all_vcpus}
    chip = {
        "cpu_specific": {
            made.affinity(number) << 32: {
                "cpu_sys_regs": dict(sorted(made.interface(number).items())), "redist_regs": frame(frames[number], 0x20000),
                "mp_state": "Stopped" if number else "Runnable"}
            for number in all_vcpus},
        "dist_regs": frame(words, 0x10000)}
    (folder / "vcpu").mkdir(parents=True, exist_ok=True)
    (folder / "irqchip").write_bytes(encoded(chip))
    for number, registers in all_vcpus.items():
        (folder / "vcpu" / f"vcpu{number}").write_bytes(encoded(vcpu_file(number, registers, encoding)))
        if encoding == "early":
            for register in CORE_KEYS:
                registers.pop(register, None)
        registers[made.MP_STATE] = 5 if number else 0
    all_vcpus, vm = made.with_controller(all_vcpus, INTERRUPTS)
    vm |= {made.own(3, 1): words[4], made.own(3, 2): words[8], made.own(3, 3): 0}
    for number, registers in all_vcpus.items():
        registers |= {made.own(0, 0x4001): 0x4b00043b, made.own(0, 0x4002, 3): made.affinity(number) << 32 | number << 8}
    made.print_units(all_vcpus, vm)


main()
