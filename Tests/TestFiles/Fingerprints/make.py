#!/usr/bin/env python3
"""Writes beside itself what Firecracker's cpu-template-helper would write of hosts of Formats/hosts: fingerprints
(Formats/cpu-template.md) of vCPUs that have no feature but PSCI_0_2.

usage: Tests/TestFiles/Fingerprints/make.py [HOST FILE [REGISTER=VALUE...]]

With a HOST only that, into FILE, with other values of registers, by their ids.
"""

import json
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
HOSTS = HERE.parents[2] / "Formats/hosts"
# The PC and the counters.
LEFT_OUT = {0x6030000000100040, 0x603000000013DF1A, 0x603000000013DF01}
# Of what KVM lists there are registers of 32, 64 and 128 bits.
SIZES = {2, 3, 4}


def registers(lines):
    """By id, of a vCPU with PSCI_0_2 alone; and the kernel."""
    values, kernel, in_set = {}, None, None
    for words in (line.split() for line in lines):
        if words[0] == "kernel":
            kernel = words[1]
        elif words[0] == "set":
            in_set = words[1:]
        elif words[0] == "end":
            in_set = None
        elif in_set in (None, ["PSCI_0_2"]):
            if words[0] == "register":
                values[int(words[2], 16)] = int(words[3], 16)
            elif words[0] == "without":
                del values[int(words[2], 16)]
    return values, kernel


def fingerprint(values, kernel):
    dump = [{"addr": f"{id:#x}", "bitmap": f"0b{value:0128b}"} for id, value in sorted(values.items())
            if id >> 56 == 0x60 and id >> 52 & 15 in SIZES and id not in LEFT_OUT]
    return {"firecracker_version": "1.16.0", "kernel_version": kernel,
            "microcode_version": f"{values[0x603000000013C006]:#018x}", "bios_version": "1.0", "bios_revision": "1.0",
            "guest_cpu_config": {"kvm_capabilities": [], "vcpu_features": [], "reg_modifiers": dump}}


def write(host, file, changes=()):
    lines = (HOSTS / f"{host}.vhost").read_text().splitlines()
    values, kernel = registers(filter(str.strip, lines))
    for change in changes:
        id, value = (int(side, 0) for side in change.split("="))
        values[id] = value
    pathlib.Path(file).write_text(json.dumps(fingerprint(values, kernel), indent=1) + "\n")


if len(sys.argv) > 2:
    write(*sys.argv[1:3], sys.argv[3:])
else:
    for name in ["6.12-neoverse-n1", "7.3-neoverse-n1"]:
        write(name, HERE / f"{name}.json")
