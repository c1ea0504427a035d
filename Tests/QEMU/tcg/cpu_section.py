"""Reads the vCPU state of a QEMU migration stream, apart from vcpusnap and in another way.

The sections are found twice: by the JSON description at the end of the stream, from the last device
backwards, and by the bytes that begin and end a "cpu" section. Where a stream has a description both
must agree. A `.xen` stream has none.
"""

import json
import re
import struct

SECTION_FULL, SUBSECTION, DESCRIPTION, FOOTER = 0x04, 0x05, 0x06, 0x7E
CPU_VERSION = 22

# Bodies of the subsections of "cpu", without what is nested in them.
SUBSECTION_SIZES = {
    "cpu/vfp": 32 * 16 + 16 * 4,
    "cpu/vfp/fpcr_fpsr": 16,
    "cpu/iwmmxt": 16 * 8 + 16 * 4,
    "cpu/thumb2ee": 8,
    "cpu/sve": 32 * 14 * 8 + 17 * 4 * 8,
    "cpu/sme": 256 * 32 * 8,
    "cpu/zt0": 64,
    "cpu/serror": 10,
    "cpu/irq-line-state": 4,
    "cpu/wfxt-timer": 8,
    "cpu/syndrome64": 8,
    "cpu/pstate64": 8,
    "cpu/event": 1,
    "cpu/fpmr": 8,
}

# What stands before the register list: name, count, struct format of one.
FIXED_FIELDS = [
    ("regs", 16, "I"), ("xregs", 32, "Q"), ("pc", 1, "Q"), ("cpsr", 1, "I"), ("spsr", 1, "I"),
    ("banked_spsr", 8, "Q"), ("banked_r13", 8, "I"), ("banked_r14", 8, "I"), ("usr_regs", 5, "I"),
    ("fiq_regs", 5, "I"), ("elr_el", 4, "Q"), ("sp_el", 4, "Q"),
]
# And after it.
LAST_FIELDS = [
    ("exclusive_addr", 1, "Q"), ("exclusive_val", 1, "Q"), ("exclusive_high", 1, "Q"), ("unused", 1, "Q"),
    ("syndrome", 1, "I"), ("fsr", 1, "I"), ("vaddress", 1, "Q"), ("timer_phys", 1, "Q"),
    ("timer_virt", 1, "Q"), ("power_state", 1, "B"),
]


class StreamError(Exception):
    pass


class CPU:
    """One "cpu" section: its place in the stream, fixed fields, register list and subsections."""

    def __init__(self):
        self.index = self.start = self.end = 0
        self.fields = {}
        self.registers = []
        self.subsections = {}


class Reader:
    def __init__(self, data, position):
        self.data, self.position = data, position

    def take(self, size):
        if self.position + size > len(self.data):
            raise StreamError(f"the stream ends inside a section, at {self.position}")
        part = self.data[self.position:self.position + size]
        self.position += size
        return part

    def number(self, letter):
        return struct.unpack(">" + letter, self.take(struct.calcsize(letter)))[0]

    def numbers(self, count, letter):
        return list(struct.unpack(f">{count}{letter}", self.take(count * struct.calcsize(letter))))

    def fields(self, layout):
        return {name: self.number(letter) if count == 1 else self.numbers(count, letter)
                for name, count, letter in layout}


def read_cpu(data, start, sizes=SUBSECTION_SIZES):
    """The section that begins at `start`, up to and with its footer if it has one."""
    reader = Reader(data, start)
    cpu = CPU()
    cpu.start = start
    if reader.number("B") != SECTION_FULL:
        raise StreamError(f"no section at {start}")
    section = reader.number("I")
    if reader.take(reader.number("B")) != b"cpu":
        raise StreamError(f"the section at {start} is not a cpu")
    cpu.index = reader.number("I")
    if reader.number("I") != CPU_VERSION:
        raise StreamError(f"cpu section of another version at {start}")
    cpu.fields = reader.fields(FIXED_FIELDS)
    count = reader.number("i")
    if not 0 < count <= (len(data) - reader.position) // 16:
        raise StreamError(f"a list of {count} registers at {start}")
    ids = reader.numbers(count, "Q")
    if any(a >= b for a, b in zip(ids, ids[1:])):
        raise StreamError(f"the register list at {start} is not in order")
    cpu.registers = list(zip(ids, reader.numbers(count, "Q")))
    cpu.fields |= reader.fields(LAST_FIELDS)
    while data[reader.position:reader.position + 1] == bytes([SUBSECTION]):
        reader.number("B")
        name = reader.take(reader.number("B")).decode("ascii")
        reader.number("I")
        if name not in sizes:
            raise StreamError(f"subsection {name} at {reader.position}")
        cpu.subsections[name] = reader.take(sizes[name])
    if data[reader.position:reader.position + 1] == bytes([FOOTER]):
        reader.number("B")
        if reader.number("I") != section:
            raise StreamError(f"the footer of the section at {start} has another number")
    cpu.end = reader.position
    return cpu


def cpus_by_search(data):
    """The sections that look like a cpu and are one."""
    found = []
    position = 0
    while match := re.compile(rb"\x04....\x03cpu....\x00\x00\x00\x16", re.DOTALL).search(data, position):
        try:
            found.append(read_cpu(data, match.start()))
            position = found[-1].end
        except StreamError:
            position = match.start() + 1
    return found


def body_size(node):
    """The size of what a description says about a device or a subsection."""
    if "fields" not in node:
        return node["size"]
    size = sum(field["size"] * field.get("array_len", 1) for field in node["fields"])
    return size + sum(2 + len(sub["vmsd_name"]) + 4 + body_size(sub) for sub in node.get("subsections", []))


def description(data):
    """The JSON at the end of the stream and the position of the byte before it, or None."""
    start = data.rfind(b"\0", 0, len(data)) + 1
    while start < len(data) and data[start:start + 1] != b"{":
        start += 1
    if start < 6 or start >= len(data) or data[start - 5] != DESCRIPTION:
        return None
    if struct.unpack(">I", data[start - 4:start])[0] != len(data) - start:
        return None
    return json.loads(data[start:]), start - 6


def devices_backwards(data):
    """(name, instance, start, end) of the device sections, the last one first, while they can be followed."""
    found = description(data)
    if found is None:
        return []
    document, last = found
    if data[last] != 0:
        raise StreamError("no end mark before the description")
    for footer in (5, 0):
        end, devices = last, []
        for device in reversed(document["devices"]):
            name = device["name"].encode("ascii")
            head = bytes([len(name)]) + name + struct.pack(">I", device["instance_id"])
            start = end - (5 + len(head) + 4 + body_size(device) + footer)
            if start < 0 or data[start] != SECTION_FULL or data[start + 5:start + 5 + len(head)] != head:
                break
            if footer and data[end - 5:end] != bytes([FOOTER]) + data[start + 1:start + 5]:
                break
            devices.append((device["name"], device["instance_id"], start, end))
            end = start
        if devices:
            break
    return devices


def read_cpus(data):
    """All vCPUs of a stream, by index."""
    cpus = cpus_by_search(data)
    if description(data) is not None:
        described = sorted((start, end) for name, _, start, end in devices_backwards(data) if name == "cpu")
        if described != [(cpu.start, cpu.end) for cpu in cpus]:
            raise StreamError(f"the description has cpu sections at {described}, "
                              f"the search at {[(cpu.start, cpu.end) for cpu in cpus]}")
    if len({cpu.index for cpu in cpus}) != len(cpus):
        raise StreamError("two cpu sections of one instance")
    return sorted(cpus, key=lambda cpu: cpu.index)


# The architecture's view

MODES = {0x10: "usr", 0x11: "fiq", 0x12: "irq", 0x13: "svc", 0x16: "mon", 0x17: "abt", 0x1A: "hyp",
         0x1B: "und", 0x1F: "usr"}
BANKS = {"usr": 0, "svc": 1, "abt": 2, "und": 3, "irq": 4, "fiq": 5, "hyp": 6, "mon": 7}
FPSR_BITS, FPCR_BITS = 0xF800009F, 0x07FF9F00


def is_aarch32(cpu):
    return bool(cpu.fields["cpsr"] & 0x10)


def mode(cpu):
    return MODES.get(cpu.fields["cpsr"] & 0x1F)


def core(cpu):
    """The registers of `struct kvm_regs` by vcpusnap's names, and SP_EL2, SP_EL3 and so on by theirs."""
    fields = cpu.fields
    spsr = list(fields["banked_spsr"])
    sp = list(fields["sp_el"])
    if is_aarch32(cpu):
        current = mode(cpu)
        regs = fields["regs"]
        x = regs[:13] + [0] * 18
        if current == "fiq":
            x[8:13] = fields["usr_regs"]
        x[24:29] = regs[8:13] if current == "fiq" else fields["fiq_regs"]

        def banked(which, bank):
            r14_owner = "usr" if current == "hyp" else current
            owner = current if which == 13 else r14_owner
            return regs[which] if bank == owner else fields[f"banked_r{which}"][BANKS[bank]]
        for index, which, bank in [(13, 13, "usr"), (14, 14, "usr"), (15, 13, "hyp"), (16, 14, "irq"),
                                   (17, 13, "irq"), (18, 14, "svc"), (19, 13, "svc"), (20, 14, "abt"),
                                   (21, 13, "abt"), (22, 14, "und"), (23, 13, "und"), (29, 13, "fiq"),
                                   (30, 14, "fiq")]:
            x[index] = banked(which, bank)
        if current not in ("usr", None):
            spsr[BANKS[current]] = fields["spsr"]
        pc = regs[15]
    else:
        x = fields["xregs"][:31]
        level, handler = fields["cpsr"] >> 2 & 3, fields["cpsr"] & 1
        sp[level if handler else 0] = fields["xregs"][31]
        pc = fields["pc"]
    values = {f"x{i}": value for i, value in enumerate(x)}
    values |= {"pc": pc, "pstate": fields["cpsr"]}
    values |= {"sp_el0": sp[0], "sp_el1": sp[1], "SP_EL2": sp[2], "SP_EL3": sp[3]}
    values |= {"elr_el1": fields["elr_el"][1], "ELR_EL2": fields["elr_el"][2], "ELR_EL3": fields["elr_el"][3]}
    for name, bank in [("spsr_el1", "svc"), ("spsr_abt", "abt"), ("spsr_und", "und"), ("spsr_irq", "irq"),
                       ("spsr_fiq", "fiq"), ("SPSR_EL2", "hyp"), ("SPSR_EL3", "mon")]:
        values[name] = spsr[BANKS[bank]]
    if "cpu/pstate64" in cpu.subsections:
        values["pstate"] = struct.unpack(">Q", cpu.subsections["cpu/pstate64"])[0]
    return values


def vectors(cpu):
    """v0 to v31, or z0 to z31 (their low 1024 bits, as the stream has no more), p0 to p15 and ffr; fpsr and fpcr."""
    if "cpu/vfp" not in cpu.subsections:
        return {}
    vfp = cpu.subsections["cpu/vfp"]
    low = struct.unpack(">64Q", vfp[:512])
    values = {}
    if "cpu/sve" in cpu.subsections:
        sve = struct.unpack(f">{32 * 14 + 17 * 4}Q", cpu.subsections["cpu/sve"])
        for i in range(32):
            words = low[2 * i:2 * i + 2] + sve[14 * i:14 * i + 14]
            values[f"z{i}"] = sum(word << 64 * n for n, word in enumerate(words))
        for i in range(17):
            words = sve[32 * 14 + 4 * i:32 * 14 + 4 * i + 4]
            values["ffr" if i == 16 else f"p{i}"] = sum(word << 64 * n for n, word in enumerate(words))
    else:
        for i in range(32):
            values[f"v{i}"] = low[2 * i] | low[2 * i + 1] << 64
    if "cpu/vfp/fpcr_fpsr" in cpu.subsections:
        values["fpcr"], values["fpsr"] = struct.unpack(">QQ", cpu.subsections["cpu/vfp/fpcr_fpsr"])
    else:
        fpscr = struct.unpack(">I", vfp[-4:])[0]
        values["fpsr"], values["fpcr"] = fpscr & FPSR_BITS, fpscr & FPCR_BITS
    return values
