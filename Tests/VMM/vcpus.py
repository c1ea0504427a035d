"""What the generators of this folder put into their files: the registers of vCPUs and of an interrupt controller.

A vCPU is a fresh one of a host profile, with other values in the registers that a guest changes, so that no two
registers hold the same by accident.
"""

import pathlib

HERE = pathlib.Path(__file__).resolve().parent
# Where profiles are; a copy of this file has them beside it.
PROFILES = next(folder for folder in (HERE.parent.parent / "Formats" / "hosts", HERE) if folder.is_dir())
MASK = (1 << 64) - 1

CORE, DEMUX, SYSTEM, FIRMWARE, SVE, BITMAP = 0x10, 0x11, 0x13, 0x14, 0x15, 0x16
X0, SP, PC, PSTATE = (0x6030000000100000 + word for word in (0, 0x3e, 0x40, 0x42))
SP_EL1, ELR_EL1, SPSR = (0x6030000000100000 + word for word in (0x44, 0x46, 0x48))
V0, FPSR, FPCR = 0x6040000000100054, 0x60200000001000d4, 0x60200000001000d5
MPIDR = 0x603000000013c005
# The state that KVM keeps outside its list.
MP_STATE = 0x7620000000000003
GIC_MODEL, GIC_NR_IRQS = 0x7620000000022000, 0x7620000000020300

# Offsets in the frames of the distributor and of a redistributor.
GICD_CTLR, GICD_STATUSR, GICD_IPRIORITYR, GICD_ICFGR, GICD_IROUTER = 0, 0x10, 0x400, 0xc00, 0x6000
PROPBASER, PENDBASER = 0x70, 0x78
WIDE = {PROPBASER, PENDBASER}
ICC = [0xc665, 0xc664, 0xc666, 0xc667, 0xc230, 0xc643, 0xc663, 0xc644, 0xc648]


def size(register):
    return 1 << (register >> 52 & 15)


def group(register):
    return register >> 16 & 0xfff


def mixed(*numbers):
    """A number that follows from these and looks like none."""
    value = 0x9e3779b97f4a7c15
    for number in numbers:
        value = (value ^ number) * 0xbf58476d1ce4e5b9 & MASK
        value ^= value >> 29
    return value


def changes(register):
    """Whether a guest changes it to anything it likes: X0 to X30, SP, PC, SP_EL1, ELR_EL1, V0 to V31, pointers, keys."""
    if group(register) == CORE:
        return size(register) == 16 or register in (PC, SP_EL1, ELR_EL1) or X0 <= register <= SP
    # FAR, PAR, TPIDR, VBAR, TTBR, PAuth keys.
    return group(register) == SYSTEM and (
        register & 0xffff in (0xc300, 0xc3a0, 0xc684, 0xc600, 0xde82, 0xde83, 0xc100, 0xc101)
        or 0xc108 <= register & 0xffff <= 0xc119)


def vcpu(number, profile="6.12-neoverse-n1", groups=(CORE, FIRMWARE, BITMAP, SYSTEM)):
    """The registers of a vCPU as KVM lists them: {id: value}, in KVM's order of groups."""
    found = {}
    for line in (PROFILES / f"{profile}.vhost").read_text().splitlines():
        words = line.split()
        if words[:1] == ["features"] or words[:1] == ["with"]:
            break
        if words[:1] == ["register"] and words[2].startswith("0x60"):
            found.setdefault(int(words[2], 16), int(words[3], 16))
    for register in found:
        if changes(register):
            value = mixed(register, number)
            found[register] = value << 64 | mixed(value, 1) if size(register) == 16 else value
    found[MPIDR] = 1 << 31 | number
    ordered = sorted(found, key=lambda register: (groups.index(group(register)) if group(register) in groups else -1, register))
    return {register: found[register] for register in ordered if group(register) in groups}


def affinity(mpidr):
    return (mpidr & 0xff << 32) >> 8 | mpidr & 0xffffff


def distributor(interrupts):
    """What the distributor's words hold, without its clear registers: {offset: word}."""
    words = {GICD_CTLR: 0x52, GICD_STATUSR: 0}
    for block in range(1, interrupts // 32):
        for first in (0x80, 0x100, 0x200, 0x300):
            words[first + 4 * block] = mixed(first, block) & 0xffffffff if first == 0x100 else (0xffffffff if first == 0x80 else 0)
    for number in range(32, interrupts, 4):
        words[GICD_IPRIORITYR + number] = mixed(number) & 0xf8f8f8f8
    for number in range(32, interrupts, 16):
        words[GICD_ICFGR + number // 4] = mixed(number, 2) & 0xaaaaaaaa
    for number in range(32, interrupts):
        words[GICD_IROUTER + 8 * number] = mixed(number, 3) & 1
        words[GICD_IROUTER + 8 * number + 4] = 0
    return words


def redistributor(number):
    """The same of a vCPU's redistributor."""
    words = {0: 6, 0x10: 0, 0x14: 0, 0x70: 0x580, 0x74: 0, 0x78: 0x580, 0x7c: mixed(number, 4) & 0xff}
    words |= {0x10080: 0xffffffff, 0x10100: mixed(number, 5) & 0xffffffff, 0x10200: 1 << 27, 0x10300: 0}
    words |= {0x10400 + 4 * index: mixed(number, index) & 0xf8f8f8f8 for index in range(8)}
    return words | {0x10c00: 0xaaaaaaaa, 0x10c04: 0}


def interface(number):
    """The same of its CPU interface, by encoding; there are five bits of priority."""
    return dict(zip(ICC, [7, 0x8400 | 1, 0, 1, 0xf0, 2, 3, 0, 1 << (number & 7)]))


def own(kind, index, exponent=2):
    return 0x7600000000000000 | exponent << 52 | kind << 16 | index


def words_of(words, kind, first=0):
    """What the words of a frame are as registers, by this project's ids: without STATUSR, which has none."""
    result = {}
    for offset, word in words.items():
        wide = offset >= GICD_IROUTER if kind == 3 else offset & ~4 in WIDE
        if offset == GICD_STATUSR or (wide and offset & 4):
            continue
        value = word | words[offset + 4] << 32 if wide else word
        if kind == 0 and offset == PROPBASER:
            # The VM has it once.
            result["vm", own(5, offset // 4, 3)] = value
        else:
            result["vm" if kind else "vcpu", own(kind, first + offset // 4, 3 if wide else 2)] = value
    return result


def print_units(vcpus, vm):
    """UNIT ID VALUE, a line for each register, for whoever compares."""
    for unit, registers in [*vcpus.items(), *([("vm", vm)] if vm else [])]:
        for register in sorted(registers):
            print(unit, hex(register), hex(registers[register]))


def with_controller(vcpus, interrupts):
    """The registers of all vCPUs, with those of their redistributors and CPU interfaces, and those of the VM."""
    vm = {GIC_MODEL: 7, GIC_NR_IRQS: interrupts}
    vm |= {register: value for (_, register), value in words_of(distributor(interrupts), 3).items()}
    result = {}
    for number, registers in vcpus.items():
        registers = dict(registers)
        for (unit, register), value in words_of(redistributor(number), 0, 0x4000).items():
            (vm if unit == "vm" else registers)[register] = value
        registers |= {0x6030000000130000 | encoding: value for encoding, value in interface(number).items()}
        result[number] = registers
    return result, vm
