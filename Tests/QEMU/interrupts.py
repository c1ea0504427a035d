#!/usr/bin/env python3
"""Prints what a QEMU stream says of its interrupt controller: UNIT NAME VALUE, a line for each register.

usage: interrupts.py STREAM

It goes by the names that the stream's own description gives every field, and knows no layout.
"""

import json
import sys


def description(stream):
    end = len(stream.rstrip(b"\0"))
    for place in range(end - 6, 0, -1):
        if stream[place - 1:place + 1] == b"\0\6" and place + 5 + number(stream[place + 1:place + 5]) == end:
            return place, json.loads(stream[place + 5:end])
    raise SystemExit("no description")


def number(raw):
    return int.from_bytes(raw, "big")


def length(state):
    own = sum(field["size"] * field.get("array_len", 1) for field in state["fields"])
    return own + sum(6 + len(part["vmsd_name"]) + length(part) for part in state.get("subsections", []))


def read(state, stream, place):
    """The fields by name; every value is a list, of numbers or of structures."""
    result = {}
    for field in state["fields"]:
        for _ in range(field.get("array_len", 1)):
            raw = stream[place:place + field["size"]]
            value = read(field["struct"], stream, place)[0] if "struct" in field else number(raw)
            result.setdefault(field["name"], []).append(value)
            place += field["size"]
    for part in state.get("subsections", []):
        fields, place = read(part, stream, place + 6 + len(part["vmsd_name"]))
        # Another half of an array has the same name.
        result = {**fields, **result}
    return result, place


def sections(stream):
    end, text = description(stream)
    place = end - 1
    for device in reversed(text["devices"]):
        if "vmsd_name" in device:
            place -= 5 + length(device)
            if device["name"].startswith("arm_gic"):
                yield device["name"], read(device, stream, place)[0]
        else:
            place -= 5 + device["size"]
        place -= 14 + len(device["name"])


def packed(values):
    return sum(value << 8 * index for index, value in enumerate(values))


def trigger(bits):
    return sum(2 << 2 * index for index in range(16) if bits >> index & 1)


def is_virt(stream):
    """Of a stream that begins with its configuration."""
    name = stream[13:13 + number(stream[9:13])].decode() if stream[8] == 7 else ""
    return name == "virt" or name.startswith("virt-")


# Of the machine virt: INTIDs by 32, and the set-up.
VIRT_BLOCKS = 9
VIRT = {"arm_gicv3": {"GIC_NR_IRQS": 288, "GIC_ADDRESS_DIST": 0x8000000}, "arm_gicv3_its": {"GITS0_ADDRESS": 0x8080000},
        "arm_gic": {"GIC_NR_IRQS": 288, "GIC_ADDRESS_DIST_V2": 0x8000000, "GIC_ADDRESS_CPU_V2": 0x8010000}}


def controller(gic, is_kvm, known):
    """GICv3."""
    yield "vm", "GIC_MODEL", 7
    if known:
        yield "vm", "GIC_REDIST_REGION0", len(gic["cpu"]) << 52 | 0x80a0000
    yield "vm", "GICD_CTLR", gic["gicd_ctlr"][0]
    yield "vm", "GICR_PROPBASER", gic["cpu"][0]["gicr_propbaser"][0]
    words = {"IGROUPR": "group", "ISENABLER": "enabled", "ISPENDR": "pending", "ISACTIVER": "active"}
    tables = [gic[name] for name in list(words.values()) + ["level", "edge_trigger"]]
    wide = [gic["gicd_ipriority"], gic["gicd_irouter"]]
    used = [block for block in range(1, 32) if any(table[block] for table in tables)
            or any(any(table[32 * block:32 * block + 32]) for table in wide)]
    blocks = known or max(used, default=0) + 1
    for block in range(1, blocks):
        for register, field in words.items():
            yield "vm", f"GICD_{register}{block}", gic[field][block]
        yield "vm", f"GIC_LINE_LEVEL{block}", gic["level"][block]
        for half in (0, 1):
            yield "vm", f"GICD_ICFGR{2 * block + half}", trigger(gic["edge_trigger"][block] >> 16 * half)
        for intid in range(32 * block, min(32 * block + 32, 1020)):
            # With KVM, QEMU saves the word at GICD_IROUTER + 4 * i, and the next one, as the route of i.
            place = 2 * intid if is_kvm else intid
            if place < min(32 * blocks, 1020):
                yield "vm", f"GICD_IROUTER{intid}", gic["gicd_irouter"][place]
            if intid % 4 == 0:
                yield "vm", f"GICD_IPRIORITYR{intid // 4}", packed(gic["gicd_ipriority"][intid:intid + 4])
    for index, cpu in enumerate(gic["cpu"]):
        for name, value in vcpu(cpu):
            yield str(index), name, value


def vcpu(cpu):
    names = {
        "GIC_LINE_LEVEL0": "level", "GICR_CTLR": "gicr_ctlr", "GICR_WAKER": "gicr_waker", "GICR_PENDBASER": "gicr_pendbaser",
        "GICR_IGROUPR0": "gicr_igroupr0", "GICR_ISENABLER0": "gicr_ienabler0", "GICR_ISPENDR0": "gicr_ipendr0",
        "GICR_ISACTIVER0": "gicr_iactiver0", "ICC_PMR_EL1": "icc_pmr_el1"}
    for register, field in names.items():
        yield register, cpu[field][0]
    yield "GICR_ICFGR1", trigger(cpu["edge_trigger"][0] >> 16)
    for index in range(8):
        yield f"GICR_IPRIORITYR{index}", packed(cpu["gicr_ipriorityr"][4 * index:4 * index + 4])
    control = cpu["icc_ctlr_el1"][1]
    yield "ICC_CTLR_EL1", control
    yield "ICC_SRE_EL1", cpu.get("icc_sre_el1", [7])[0]
    for group, row in ((0, 0), (1, 2)):
        yield f"ICC_BPR{group}_EL1", cpu["icc_bpr"][row]
        yield f"ICC_IGRPEN{group}_EL1", cpu["icc_igrpen"][row]
        for index in range({4: 1, 5: 2}.get(control >> 8 & 7, 4)):
            yield f"ICC_AP{group}R{index}_EL1", cpu["icc_apr"][4 * row + index]
        for index in range(4 if "ich_apr" in cpu else 0):
            yield f"ICH_AP{group}R{index}_EL2", cpu["ich_apr"][4 * row + index]
    for name in ("ich_hcr_el2", "ich_vmcr_el2"):
        if name in cpu:
            yield name.upper(), cpu[name][0]
    for index, value in enumerate(cpu.get("ich_lr_el2", [])):
        yield f"ICH_LR{index}_EL2", value


def translator(its):
    for name in ("ctlr", "cbaser", "cwriter", "creadr"):
        yield "vm", f"GITS0_{name.upper()}", its[name][0]
    if its["iidr"][0]:
        yield "vm", "GITS0_IIDR", its["iidr"][0]
    for index, value in enumerate(its["baser"]):
        yield "vm", f"GITS0_BASER{index}", value


def older(gic, is_kvm, count, known):
    """GICv2."""
    yield "vm", "GIC_MODEL", 5
    yield "vm", "GICD_CTLR", gic["ctlr"][0]
    states = gic["irq_state"]
    names = {"IGROUPR": "group", "ISENABLER": "enabled", "ISPENDR": "pending", "ISACTIVER": "active"}

    def mask(state, field):
        line = state["level"][0] if field == "pending" and not state["edge_trigger"][0] else 0
        return state[field][0] | line

    def word(block, test):
        return sum(1 << index for index, state in enumerate(states[32 * block:32 * block + 32]) if test(state))

    priorities = [0] * 32 + gic["priority2"]
    used = [intid // 32 for intid in range(32, 1020) if priorities[intid] or gic["irq_target"][intid]
            or states[intid]["edge_trigger"][0] or any(mask(states[intid], field) for field in names.values())]
    blocks = known or max(used, default=0) + 1
    for block in range(1, blocks):
        for register, field in names.items():
            yield "vm", f"GICD_{register}{block}", word(block, lambda state: mask(state, field))
        edges = word(block, lambda state: state["edge_trigger"][0])
        for half in (0, 1):
            yield "vm", f"GICD_ICFGR{2 * block + half}", trigger(edges >> 16 * half)
        for intid in range(32 * block, min(32 * block + 32, 1020), 4):
            yield "vm", f"GICD_IPRIORITYR{intid // 4}", packed(priorities[intid:intid + 4])
            yield "vm", f"GICD_ITARGETSR{intid // 4}", packed(gic["irq_target"][intid:intid + 4])
    for cpu in range(count):
        for register, field in names.items():
            yield str(cpu), f"GICD_{register}0", word(0, lambda state: mask(state, field) >> cpu & 1)
        edges = word(0, lambda state: state["edge_trigger"][0])
        for half in (0, 1):
            yield str(cpu), f"GICD_ICFGR{half}", trigger(edges >> 16 * half)
        for index in range(8):
            yield str(cpu), f"GICD_IPRIORITYR{index}", packed(gic["priority1"][cpu::8][4 * index:4 * index + 4])
        for index in range(4):
            yield str(cpu), f"GICD_SPENDSGIR{index}", packed(gic["sgi_pending"][cpu::8][4 * index:4 * index + 4])
            yield str(cpu), f"GICC_APR{index}", gic["apr"][8 * index + cpu]
        yield str(cpu), "GICC_CTLR", gic["cpu_ctlr"][cpu]
        yield str(cpu), "GICC_PMR", gic["priority_mask"][cpu] >> (0 if is_kvm else 3)
        yield str(cpu), "GICC_BPR", gic["bpr"][cpu]
        yield str(cpu), "GICC_ABPR", gic["abpr"][cpu]


def main():
    stream = open(sys.argv[1], "rb").read()
    count = sum(device["name"] == "cpu" for device in description(stream)[1]["devices"])
    is_kvm = b"\x60\x20\x00\x00\x00\x14" in stream or b"\x60\x30\x00\x00\x00\x14\x00\x00" in stream
    lines = []
    known = VIRT_BLOCKS if is_virt(stream) else None
    for name, fields in sections(stream):
        lines += [("vm", register, value) for register, value in VIRT[name].items() if known]
        if name == "arm_gic":
            lines += older(fields, is_kvm, count, known)
        elif name == "arm_gicv3":
            lines += controller(fields, is_kvm, known)
        else:
            lines += translator(fields)
    for unit, name, value in sorted(lines):
        print(unit, name, hex(value))


main()
