#!/usr/bin/env python3
"""Prints the tables of Formats/vcpusnap-v1-measurements.md.

usage: measure.py            needs python3-zstandard and libzstd.so.1

Every size is in bytes, after zstd at level 19 in one frame for all vCPUs.
"""

import pathlib

import candidates
import dictionary
import peers
import vcpusnap

STATES = [
    ("reset-6.12-max", "1 vCPU at reset"), ("idle-1", "1 vCPU, idle guest"),
    ("busy-1", "1 vCPU, busy guest"), ("reset-8", "8 at reset"), ("idle-8", "8, idle"),
    ("busy-8", "8, busy"), ("reset-64", "64 at reset"), ("idle-64", "64, idle"),
    ("busy-64", "64, busy"),
]
SHIPPED = pathlib.Path(__file__).resolve().parents[2] / "Formats" / "vcpusnap-v1.zdict"
KEYS = dictionary.KEYS


def states(names):
    return [vcpus for name in names for vcpus in dictionary.read_states(name)]


def shipped():
    return vcpusnap.Dictionary(SHIPPED.read_bytes(), dictionary.IDENTIFIER)


def trained(reset, running):
    return dictionary.make(states(reset), states(running))


def print_table(title, rows, columns=None):
    columns = columns or dict(zip((label for _, label in STATES), MEASURED))
    print(f"\n{title}\n\n| | " + " | ".join(columns) + " |")
    print("|---|" + "--:|" * len(columns))
    for name, measure in rows.items():
        print(f"| {name} | " + " | ".join(f"{measure(each)}" for each in columns.values()) + " |")


def packed(layout, using=vcpusnap.Dictionary()):
    return lambda vcpus: len(vcpusnap.compress(layout(vcpus), using))


def file_size(using, provenance=()):
    return lambda vcpus: len(vcpusnap.encode(list(provenance), vcpus, using))


def ratio(part, whole):
    return lambda vcpus: f"1/{whole(vcpus) / part(vcpus):.1f}"


def key_bytes(vcpus):
    """The bytes of pointer authentication keys that no other register repeats."""
    values = {registers[each] for _, registers in vcpus for each in registers if each in KEYS}
    return sum(len(value) for value in values if any(value))


MEASURED = states(name for name, _ in STATES)


def main():
    qemu, firecracker = packed(peers.qemu), packed(peers.firecracker)
    print_table("Uncompressed", {
        "QEMU 10.0": lambda vcpus: len(peers.qemu(vcpus)),
        "Firecracker ≤ 1.14": lambda vcpus: len(peers.firecracker(vcpus)),
        "Cloud Hypervisor JSON": lambda vcpus: len(peers.cloud_hypervisor(vcpus)),
        "VCPU content": lambda vcpus: len(vcpusnap.vcpu_payload(vcpus)),
    })
    print_table("The others, compressed", {
        "QEMU 10.0": qemu, "Firecracker ≤ 1.14": firecracker,
        "Cloud Hypervisor JSON": packed(peers.cloud_hypervisor),
    })
    print_table("Candidates for the VCPU chunk, compressed without a dictionary", {
        name: packed(layout) for name, layout in candidates.CANDIDATES.items()})

    content = vcpusnap.vcpu_payload
    resets = ["reset-6.1-cortex-a57", "reset-6.1-neoverse-n1", "reset-6.1-neoverse-v1",
              "reset-6.12-cortex-a57", "reset-6.12-cortex-a72", "reset-6.12-neoverse-n1",
              "reset-6.12-neoverse-v1"]
    without_cpu = trained(resets, ["n1-busy-8", "a57-busy-1"])
    without_kernel = trained(resets[:3] + ["reset-6.1-max"], ["6.1-busy-8", "a57-busy-1"])
    print_table("The chosen content, compressed with dictionaries", {
        "none": packed(content),
        "trained without this CPU": packed(content, without_cpu),
        "trained without this kernel": packed(content, without_kernel),
        "shipped": packed(content, shipped()),
    })
    unseen, whole = file_size(without_cpu), file_size(shipped())
    print_table("Whole files", {
        "no dictionary": file_size(vcpusnap.Dictionary()),
        "dictionary trained without this CPU": unseen,
        "dictionary trained without this kernel": file_size(without_kernel),
        "shipped dictionary": whole,
        "shipped dictionary, with provenance": file_size(shipped(), dictionary.PROVENANCE),
        "CPU not in the dictionary : Firecracker": ratio(unseen, firecracker),
        "kernel not in the dictionary : Firecracker": ratio(
            file_size(without_kernel), firecracker),
        "shipped : Firecracker": ratio(whole, firecracker),
        "CPU not in the dictionary : QEMU": ratio(unseen, qemu),
        "shipped : QEMU": ratio(whole, qemu),
        "pointer authentication keys alone": key_bytes,
        "keys alone : QEMU": lambda vcpus: f"{key_bytes(vcpus) / qemu(vcpus):.0%}",
    })
    stops = dictionary.read_states("kvm-stops-8")[0]
    print_table("Random registers, stopped under KVM", {
        "QEMU 10.0": qemu, "Firecracker ≤ 1.14": firecracker,
        "Cloud Hypervisor JSON": packed(peers.cloud_hypervisor),
        "file, no dictionary": file_size(vcpusnap.Dictionary()),
        "file, shipped dictionary": whole,
    }, {"1 vCPU": stops[:1], "8 vCPUs": stops})


if __name__ == "__main__":
    main()
