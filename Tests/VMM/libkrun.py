#!/usr/bin/env python3
"""Makes a checkpoint.bin of libkrun as Formats/libkrun-checkpoint.md says, and prints what it holds: UNIT ID VALUE.

usage: libkrun.py FILE [VCPUS [PROFILE [three-lists|board|gicv2]]]
"""

import struct
import sys

import vcpus as made

INTERRUPTS = 128


def entries(form, pairs):
    return struct.pack("<I", len(pairs)) + b"".join(struct.pack(form, *pair) for pair in pairs)


def section(blob):
    return struct.pack("<I", len(blob)) + blob


def vm_blob(numbers, variant):
    if variant == "gicv2":
        lists = [("<II", []), ("<QI", []), ("<QQ", []), ("<QI", [(0, 1)]), ("<QI", [(4, 0xf8)])]
    else:
        keys = {number: made.affinity(number) << 32 for number in numbers}
        lists = [
            ("<II", sorted(made.distributor(INTERRUPTS).items())),
            ("<QI", [(key | offset, word) for number, key in keys.items() for offset, word in made.redistributor(number).items()]),
            ("<QQ", [(key | code, value) for number, key in keys.items() for code, value in made.interface(number).items()]),
        ]
        if variant != "three-lists":
            lists += [("<QI", []), ("<QI", [])]
    blob = b"".join(entries(*each) for each in lists)
    return blob + (section(b"board") if variant == "board" else b"")


def main():
    path, count = sys.argv[1], int((sys.argv + ["1"])[2] if len(sys.argv) > 2 else 1)
    profile = sys.argv[3] if len(sys.argv) > 3 else "6.12-neoverse-n1"
    variant = sys.argv[4] if len(sys.argv) > 4 else ""
    all_vcpus = {number: made.vcpu(number, profile) for number in range(count)}
    body = section(vm_blob(all_vcpus, variant)) + struct.pack("<I", count)
    for number, registers in all_vcpus.items():
        state = 5 if number else 0
        blob = struct.pack("<II", state, len(registers))
        for register, value in registers.items():
            blob += struct.pack("<Q", register) + value.to_bytes(16, "little")
        body += section(blob)
        registers[made.MP_STATE] = state
    with open(path, "wb") as file:
        file.write(body + section(b'{"devices":[]}') + section(b""))
    vm = {}
    if variant != "gicv2":
        all_vcpus, vm = made.with_controller(all_vcpus, INTERRUPTS)
    made.print_units(all_vcpus, vm)


main()
