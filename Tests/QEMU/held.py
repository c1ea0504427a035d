#!/usr/bin/env python3
"""Compares what vCPUs hold after QEMU loaded a stream with what `vcpusnap plan --qemu` said they will hold.

usage: held.py VCPUSNAP STREAM RESAVED PROFILE VERSION

RESAVED has the devices of the same VM, saved right after QEMU loaded STREAM, before it ran. Every register of both is
compared, but for the bits that move by themselves; prints how many, and exits 1 on a difference.
"""

import json
import subprocess
import sys


ALL = (1 << 64) - 1  # The mask of a register that moves as a whole.
SVE_VLS = "0x606000000015ffff"  # In no stream.


def output_of(*command):
    process = subprocess.run(command, capture_output=True, text=True)
    if process.returncode > 1:
        sys.exit(process.stderr)
    return json.loads(process.stdout)


def stable(value, moving):
    """The bits of a shown value that do not move by themselves."""
    return None if value is None else hex(int(value, 16) & ~moving)


def planned(program, stream, profile, version, *options):
    """What plan says of the stream there."""
    report = output_of(
        program, "plan", stream, "--host", profile, "--qemu", version, "--show-keys", "--format", "json",
        *options)
    return report["hosts"][0]


def compared(program, plan, resaved):
    """How many registers hold what the plan said, how many of them another value than the stream's, and the others."""
    shown = output_of(program, "show", resaved, "--show-keys", "--format", "json")
    equal = altered = 0
    differences = []
    for predicted, real in zip(plan["vcpus"], shown["vcpus"], strict=True):
        values = {register["id"]: register["value"] for register in real["registers"]}
        held = {register["id"]: register for register in predicted["registers"] if "held" in register}
        # Of the interrupt controller the plan says only what QEMU's load ends at.
        outside = {register["id"] for register in real["registers"]
                   if register["id"].startswith("0x76") or register["name"].startswith("ICC_")}
        if unsaid := set(values) - set(held) - outside:
            sys.exit(f"plan says nothing of {sorted(unsaid)}")
        altered += sum(register["fate"] == "altered" for register in predicted["registers"])
        for number, register in held.items():
            moving = int(register.get("moving", "0x0"), 16)
            if moving == ALL or number == SVE_VLS:
                continue
            said, found = (stable(value, moving) for value in (register["held"], values.get(number)))
            if found == said:
                equal += 1
            else:
                differences.append(f"vCPU {real['index']}, {number}: plan says {said}, it holds {found}")
    return equal, altered, differences


def main():
    program, stream, resaved, profile, version = sys.argv[1:]
    equal, altered, differences = compared(program, planned(program, stream, profile, version), resaved)
    for line in differences:
        print(f"        {line}")
    print(f"        {equal} registers hold what plan said, {altered} of them not what the stream says")
    return 1 if differences or not equal else 0


if __name__ == "__main__":
    sys.exit(main())
