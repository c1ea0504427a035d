#!/usr/bin/env python3
"""Writes streams that no host of the lab saves: what the vCPUs have differs from what QEMU with KVM saved.

usage: variants.py STREAM FOLDER

FOLDER gets a file for each variant. The description at the end of the stream is changed with it; of some there is another file,
bare-VARIANT, without it.
"""

import json
import pathlib
import struct
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "tcg"))
import cpu_section  # noqa: E402

TCR2, PIRE0, PIR = 0x603000000013C103, 0x603000000013C512, 0x603000000013C513
VENDOR_2, PSCI, MIDR = 0x6030000000160003, 0x6030000000140000, 0x603000000013C000
UNKNOWN = 0x603000000013FFFF  # No such register.
TOLERATED = {TCR2: 0, PIRE0: 0, PIR: 0, VENDOR_2: 0}
# Those that a KVM stream can have or had. (At cpu/wfxt-timer, which no KVM vCPU sends, QEMU aborts.)
SUBSECTIONS = {name: cpu_section.SUBSECTION_SIZES[name] for name in (
    "cpu/event", "cpu/fpmr", "cpu/iwmmxt", "cpu/pstate64", "cpu/serror", "cpu/sme", "cpu/syndrome64", "cpu/thumb2ee",
    "cpu/zt0")}

# What is put in the list, or dropped from it where it says None; the subsections that come last; and, where it is not
# all, of which vCPU.
VARIANTS = {
    "unknown": ({UNKNOWN: 1}, (), None),
    "unknown-1": ({UNKNOWN: 1}, (), 1),
    "refused-1": ({MIDR: 0x410fd034}, (), 1),
    "tolerated": (TOLERATED, (), None),
    "tolerated-missing": (dict.fromkeys([TCR2, PIRE0, PIR]), (), None),
    "not-zero": ({VENDOR_2: 1}, (), None),
    "last-tolerated": ({UNKNOWN: 1} | TOLERATED, (), None),
    "psci": ({PSCI: 0x10000}, (), None),
    "psci-unknown": ({PSCI: 0x20000}, (), None),
    **{name.replace("/", "-"): ({}, [name], None) for name in SUBSECTIONS},
    "cpu-other": ({}, ["cpu/other"], None),
    "in-another": ({}, ["cpu/irq-line-state/other"], None),
    "fpmr-1": ({}, ["cpu/fpmr"], 1),
}
# Those that are also tried without a description.
BARE = ["tolerated", "last-tolerated", "not-zero", "psci", "refused-1", *(name.replace("/", "-") for name in SUBSECTIONS)]


def subsection(name):
    size = SUBSECTIONS.get(name, 8)
    return bytes([cpu_section.SUBSECTION, len(name)]) + name.encode() + struct.pack(">I", 1) + bytes(size)


def section(data, cpu, registers, added):
    """The bytes of a changed section."""
    body = data[cpu.start:cpu.end]
    # A header of 17 bytes, and a footer of 5.
    start = 17 + sum(count * struct.calcsize(letter) for _, count, letter in cpu_section.FIXED_FIELDS)
    end = start + 4 + 16 * len(cpu.registers)
    entries = dict(cpu.registers) | registers
    ids, values = zip(*sorted((number, value) for number, value in entries.items() if value is not None))
    changed = struct.pack(f">i{len(ids)}Q{len(ids)}Q", len(ids), *ids, *values)
    return body[:start] + changed + body[end:-5] + b"".join(map(subsection, added)) + body[-5:], len(ids)


def varied(data, registers, added, only, *, is_described=True):
    """The stream with these changes."""
    document, end = cpu_section.description(data)
    result, position = b"", 0
    for cpu in cpu_section.read_cpus(data):
        if only not in (None, cpu.index):
            continue
        changed, count = section(data, cpu, registers, added)
        result += data[position:cpu.start] + changed
        position = cpu.end
        device = next(d for d in document["devices"] if (d["name"], d["instance_id"]) == ("cpu", cpu.index))
        for field in device["fields"]:
            if field["name"] in ("cpreg_vmstate_indexes", "cpreg_vmstate_values"):
                field["array_len"] = count
        for name in added:
            last = device["subsections"][-1]
            outer = last.setdefault("subsections", []) if name.startswith(last["vmsd_name"]) else device["subsections"]
            outer.append({"vmsd_name": name, "version": 1, "fields": [
                {"name": "value", "type": "buffer", "size": SUBSECTIONS.get(name, 8)}]})
    text = json.dumps(document).encode()
    result += data[position:end + 1]
    return result if not is_described else result + bytes([cpu_section.DESCRIPTION]) + struct.pack(">I", len(text)) + text


def main():
    stream, folder = map(pathlib.Path, sys.argv[1:])
    data = stream.read_bytes()
    for name, changes in VARIANTS.items():
        (folder / name).write_bytes(varied(data, *changes))
    for name in BARE:
        (folder / f"bare-{name}").write_bytes(varied(data, *VARIANTS[name], is_described=False))


if __name__ == "__main__":
    main()
