#!/usr/bin/env python3
"""Makes files as Firecracker writes them, in every version and layout, from Formats/firecracker-vmstate.md alone.

usage: firecracker.py FOLDER [--vcpus N...] [--bad]     for each version and layout, and each number of vCPUs (1 2 32), a
                                                        file NAME.vmstate, and NAME.txt with what a reader has to find in
                                                        it; with --bad files that are refused, and NAME.txt with why

The registers are those of a host profile of Formats/hosts; their values and everything else follow from the file's name, so
that the same files are made again. What stands behind the vCPUs is no devices' state: no reader looks at it. Needs Python 3.9
or later and nothing else.
"""

import argparse
import hashlib
import pathlib
import random
import struct
import sys

HOSTS = pathlib.Path(__file__).resolve().parents[2] / "Formats" / "hosts"
MAGIC = 0x07101984AAAA0000
X0, SVE_VLS = 0x6030000000100000, 0x606000000015FFFF
STATUS_OR_CLEAR = 0xDEAD
PSTATE, MPIDR = 0x6030000000100042, 0x603000000013C005
# What ID_DFR0_EL1 and ID_AA64DFR0_EL1 tell of one.
NO_PMU = {0x603000000013C00A: 0xF000000, 0x603000000013C028: 0xF00}

# Version, layout, codec.
VERSIONS = [
    ("1.0.0", "A", "bincode"), ("2.0.0", "B", "bincode"), ("3.0.0", "B", "bincode"), ("4.0.0", "B", "bincode"),
    ("5.0.0", "C", "bincode"), ("6.0.0", "D", "bincode"), ("7.0.0", "D'", "bincode"), ("8.0.0", "E", "bincode"),
    ("8.0.0", "F", "bincode"), ("9.0.0", "F", "bitcode"), ("10.0.0", "F", "bitcode"), ("11.0.0", "F", "bitcode"),
    ("11.0.0", "G", "bitcode"), ("12.0.0", "G", "bitcode"),
]


# MARK: Values: numbers with a width, and what is made of them


class Number:
    def __init__(self, width, value):
        self.width, self.value = width, value


class Bool(Number):
    def __init__(self, value):
        super().__init__(1, int(value))


class Choice(Number):
    def __init__(self, value):
        super().__init__(4, value)


class Text(str):
    pass


class Some:
    """An optional value; None for none."""

    def __init__(self, value):
        self.value = value


def u32(value):
    return Number(4, value)


def u64(value):
    return Number(8, value)


def byte_list(data):
    return [Number(1, byte) for byte in data]


# MARK: bincode


def bincode(value):
    if isinstance(value, Number):
        return value.value.to_bytes(value.width, "little")
    if isinstance(value, Text):
        return struct.pack("<Q", len(value.encode())) + value.encode()
    if isinstance(value, Some):
        return b"\0" if value.value is None else b"\1" + bincode(value.value)
    parts = b"".join(map(bincode, value))
    return parts if isinstance(value, tuple) else struct.pack("<Q", len(value)) + parts


# MARK: bitcode

DIGITS = {256: 0, 16: 1, 6: 2, 4: 3, 3: 4, 2: 5}
PER_BYTE = {16: 2, 6: 3, 4: 4, 3: 5, 2: 8}


def base_of(highest):
    return next(base for base in (2, 3, 4, 6, 16, 256) if highest < base)


def byte_column(values):
    if len(values) <= 2:
        return bytes(values)
    low, high = min(values), max(values)
    base, offset_base = base_of(high), base_of(high - low)
    header = bytes([2 * DIGITS[base]])
    if DIGITS[offset_base] > DIGITS[base] and len(values) > 5:
        base, values = offset_base, [value - low for value in values]
        header = bytes([2 * DIGITS[base] - 1, low])
    if base == 256:
        return header + bytes(values)
    count = PER_BYTE[base]
    groups = [values[start:start + count] for start in range(0, len(values), count)]
    return header + bytes(sum(digit * base ** place for place, digit in enumerate(group)) for group in groups)


def width_of(highest):
    return next(width for width in (1, 2, 4, 8) if highest < 1 << 8 * width)


def number_column(values, width):
    if width == 1:
        return byte_column(values)
    if not values:
        return b""
    first = values[:16]
    header, stored = b"\0", width
    if width_of(max(first) - min(first)) < width:
        low, high = min(values), max(values)
        plain, offset = width_of(high), width_of(high - low)
        if offset < plain and len(values) > 5:
            stored, values = offset, [value - low for value in values]
            header = bytes([2 * (width // stored).bit_length() - 3]) + low.to_bytes(width, "little")
        else:
            stored = plain
            header = bytes([2 * (width // stored).bit_length() - 2])
    if stored == 1:
        return header + byte_column(values)
    return header + b"".join(value.to_bytes(stored, "little") for value in values)


def length_column(lengths):
    return byte_column([min(length, 255) for length in lengths]) + number_column(
        [length for length in lengths if length >= 255], 8)


class Place:
    """A place of the type; its column is written where it is first come to."""

    def __init__(self):
        self.kind, self.values, self.places = None, [], {}

    def below(self, key):
        return self.places.setdefault(key, Place())

    def add(self, value, columns):
        if isinstance(value, tuple):
            for index, element in enumerate(value):
                self.below(index).add(element, columns)
            return
        if self.kind is None:
            self.kind = (
                "bits" if isinstance(value, Bool) else "variants" if isinstance(value, (Choice, Some))
                else value.width if isinstance(value, Number) else "texts" if isinstance(value, Text) else "lengths")
            columns.append(self)
        if isinstance(value, Number):
            self.values.append(value.value)
        elif isinstance(value, Text):
            self.values.append(value.encode())
        elif isinstance(value, Some):
            self.values.append(int(value.value is not None))
            if value.value is not None:
                self.below(1).add(value.value, columns)
        else:
            self.values.append(len(value))
            for element in value:
                self.below(0).add(element, columns)

    def column(self):
        if self.kind == "bits":
            groups = [self.values[start:start + 8] for start in range(0, len(self.values), 8)]
            return bytes(sum(bit << place for place, bit in enumerate(group)) for group in groups)
        if self.kind == "texts":
            return length_column(list(map(len, self.values))) + b"".join(self.values)
        if self.kind == "lengths":
            return length_column(self.values)
        return byte_column(self.values) if self.kind == "variants" else number_column(self.values, self.kind)


def bitcode(value):
    columns = []
    Place().add(value, columns)
    return b"".join(place.column() for place in columns)


# MARK: The checksum

TABLE = []
for index in range(256):
    for _ in range(8):
        index = index >> 1 ^ (0x95AC9329AC4BC9B5 if index & 1 else 0)
    TABLE.append(index)


def crc64(data):
    state = 0
    for byte in data:
        state = TABLE[(state ^ byte) & 0xFF] ^ state >> 8
    return state


# MARK: vCPUs


def size_of(register):
    return 1 << (register >> 52 & 15)


def profile_registers(name):
    """Ids and reset values in the order of KVM_GET_REG_LIST, without those of a PMU."""
    lines = [line.split() for line in (HOSTS / f"{name}.vhost").read_text().splitlines()]
    whole = lines[:next((n for n, line in enumerate(lines) if line[:1] == ["set"]), len(lines))]
    values = {int(line[2], 16): int(line[3], 16) for line in whole if line[:1] == ["register"] and line[1][:2] != "PM"}
    order = [0x10, 0x15, 0x14, 0x16, 0x13, 0x11]
    kept = [register for register in values if register >> 56 == 0x60]
    return [(register, values[register]) for register in sorted(
        kept, key=lambda register: (order.index(register >> 16 & 0xFFF), register & 0xFFFF))]


def with_vectors(registers):
    """The same of a vCPU with SVE: Z, P and FFR in the place of V, and the vector lengths before them."""
    core = [pair for pair in registers if pair[0] >> 16 & 0xFFF == 0x10 and size_of(pair[0]) < 16]
    rest = [pair for pair in registers if pair[0] >> 16 & 0xFFF not in (0x10, 0x15)]
    scalable = [(0x6080000000150000 | index << 5, 0) for index in range(32)]
    scalable += [(0x6050000000150400 | index << 5, 0) for index in range(17)]
    return core + [(SVE_VLS, 0xF)] + scalable + rest


class VCPU:
    def __init__(self, index, registers, has_vectors, chance):
        self.mp_state = 0 if index % 3 == 0 else 5
        self.mpidr = 0x80000000 | index
        self.features = [5, 0x14 if has_vectors else 4, 0, 0, 0, 0, 0, 0]
        self.pvtime = 0x40000000 + 64 * index if index % 2 == 0 else None
        self.registers = [(register, self.value(register, value, chance)) for register, value in registers]

    def value(self, register, value, chance):
        if register == MPIDR:
            return self.mpidr
        if register == PSTATE:
            return 0x3C5
        # Without a PMU.
        value &= ~NO_PMU.get(register, 0)
        is_guests = register >> 16 & 0xFFF in (0x10, 0x15) and register != SVE_VLS
        return chance.getrandbits(8 * size_of(register)) if is_guests else value

    def state(self, layout):
        ids = [u64(register) for register, _ in self.registers]
        data = b"".join(value.to_bytes(size_of(register), "little") for register, value in self.registers)
        registers = (ids, byte_list(data))
        if layout == "A":
            words = (u32(self.features[0]), tuple(u32(word) for word in self.features[1:]))
            return (u32(self.mp_state), registers, u64(self.mpidr), Some(words))
        features = byte_list(struct.pack("<8I", *self.features))
        state = (byte_list(struct.pack("<I", self.mp_state)), registers, u64(self.mpidr), features)
        if layout in "BCD":
            return state
        return state + (Some(None if self.pvtime is None else u64(self.pvtime)),)

    def lines(self, layout, has_registers_alone=False):
        has_time = layout not in ("A", "B", "C", "D") and self.pvtime is not None
        words = " ".join(f"{word:#x}" for word in self.features)
        if has_registers_alone:
            yield "registers alone"
        else:
            yield f"mp-state {self.mp_state} mpidr {self.mpidr:#x} init {words} pvtime {self.pvtime if has_time else '-'}"
        for register, value in self.registers:
            yield f"{register:#x} {value:#x}"


# MARK: The interrupt controller: what each entry of a list is, by its first register; None for what is no state

DISTRIBUTOR = [
    (0x0, 1), (None, 1), (None, 3), (0x104, 3), (0x84, 3), (0x6100, 192), (0xC08, 6), (None, 3), (0x204, 3), (None, 3),
    (0x304, 3), (0x420, 24),
]
REDISTRIBUTOR = [
    (None, 1), (0x14, 1), (0x70, 2), (0x78, 2), (0x0, 1), (0x10080, 1), (None, 1), (0x10100, 1), (0x10C00, 2), (None, 1),
    (0x10200, 1), (None, 1), (0x10300, 1), (0x10400, 8),
]
OLD_REDISTRIBUTOR = REDISTRIBUTOR[4:5] + REDISTRIBUTOR[:4] + REDISTRIBUTOR[5:]
ICC = ["SRE", "CTLR", "IGRPEN0", "IGRPEN1", "PMR", "BPR0", "BPR1"]


class Controller:
    def __init__(self, count, layout, chance):
        self.layout = layout
        self.found = []
        self.dist = self.words("GICD", DISTRIBUTOR, chance)
        places = REDISTRIBUTOR if layout in "EFG" else OLD_REDISTRIBUTOR
        self.vcpus = [self.vcpu(index, places, chance) for index in range(count)]
        self.its = [chance.getrandbits(64) for _ in range(13)]

    def words(self, name, places, chance):
        lists = []
        for offset, count in places:
            words = [chance.getrandbits(32) if offset is not None else STATUS_OR_CLEAR for _ in range(count)]
            # A VM of KVM has one GICR_PROPBASER.
            if offset is not None and (offset != 0x70 or name in ("GICD", "GICR0")):
                self.found += [f"{name} {offset + 4 * index:#x} {word:#x}" for index, word in enumerate(words)]
            lists.append([u32(word) for word in words])
        return lists

    def vcpu(self, index, places, chance):
        redistributor = self.words(f"GICR{index}", places, chance)
        values = [chance.getrandbits(32) for _ in ICC]
        self.found += [f"ICC{index} {name} {value:#x}" for name, value in zip(ICC, values)]
        active = [chance.getrandbits(32) if number % 4 == 0 else None for number in range(8)]
        self.found += [f"AP{index} {number} {value:#x}" for number, value in enumerate(active) if value is not None]
        options = [Some(None if value is None else [u64(value)]) for value in active]
        return (redistributor, [[u64(value)] for value in values], options)

    def state(self):
        common = (self.dist, self.vcpus)
        if self.layout not in "EFG":
            return common
        iidr, cbaser, creadr, cwriter, *rest = self.its
        names = ["iidr", "cbaser", "creadr", "cwriter"] + [f"baser{index}" for index in range(8)] + ["ctlr"]
        masks = [0xFFFFFFFF] + [(1 << 64) - 1] * 11 + [0xFFFFFFFF]
        self.found += [f"ITS {name} {value & mask:#x}" for name, value, mask in zip(names, self.its, masks)]
        bases = tuple(u64(value) for value in rest[:8])
        return common + (Some((u64(iidr), u64(cbaser), u64(creadr), u64(cwriter), bases, u64(rest[8]))),)


# MARK: The state


def ranges(start, end, depth):
    """A tree of address ranges."""

    def node(low, high, depth):
        if depth == 0:
            return Some(None)
        middle = (low + high) // 2
        return Some((
            u64(middle), u64(middle + 0xFFF), Choice(depth % 2), node(low, middle, depth - 1),
            node(middle, high, depth - 2 if depth > 1 else 0), u64(depth)))

    return (u64(start), u64(end), node(start, end, depth))


def chain(depth):
    """A tree that is a list."""
    node = Some(None)
    for _ in range(depth):
        node = Some((u64(0), u64(1), Choice(0), node, Some(None), u64(0)))
    return (u64(0), u64(1), node)


def numbers(first, last, freed):
    return (u32(first), Some(u32(first + 3)), u32(last), [u32(number) for number in freed])


def regions(layout):
    bases = [0x80000000, 0x8080000000]
    if layout in "AB":
        return [(u64(base), u64(0x8000000), u64(index << 27)) for index, base in enumerate(bases)]
    if layout in ("C", "D", "D'", "E"):
        return [(u64(base), u64(0x8000000)) for base in bases]
    # Of the first region nothing is plugged in, so that a place is come to late.
    return [
        (u64(base), u64(0x8000000), Choice(index), [Bool(bit) for bit in (1, 0, 1, 1, 0, 0, 0, 0, 1) * index])
        for index, base in enumerate(bases)]


def allocator(layout, depth):
    trees = [ranges(0x40000000, 0x7FFFFFFF, 3), ranges(1 << 38, 1 << 39, 0), ranges(1 << 39, 1 << 40, 1)]
    system = chain(depth) if depth else ranges(0x80000000, 0x801FFFFF, 2)
    if layout == "E":
        trees = trees[:2]
    ids = () if layout == "G" else (numbers(0, 95, [2, 5, 7]), numbers(96, 4095, []))
    return ids + tuple(trees) + (system,)


def state(layout, controller, vcpus, changes):
    boot = (Text("/srv/vmlinux"), Some(None), Some(Text("console=ttyS0 reboot=k panic=1")))
    info = (u64(256), Bool(False), Choice(1), boot, Choice(0)) + changes.information
    capabilities = [Text("171"), Text("!172")]
    states = [changes.vcpu + vcpu.state(layout) for vcpu in vcpus]
    memory, gic = regions(layout), controller.state()
    if layout in "AB":
        return (info, memory, (gic, capabilities), states)
    kvm = (capabilities,)
    if layout == "C":
        return (info, memory, kvm, (gic,), states)
    if layout in ("D", "D'"):
        return (info, kvm, (memory, gic), states)
    return (info, kvm, (memory, gic, allocator(layout, changes.depth)), states)


class Changes:
    """What a file has that no version has."""

    def __init__(self, rename=None, information=(), vcpu=(), depth=0, registers=None, missing=0):
        self.rename, self.information, self.vcpu = rename, information, vcpu
        self.depth, self.registers, self.missing = depth, registers, missing


def sealed(body):
    return body + struct.pack("<Q", crc64(body))


def make(version, layout, codec, count, has_vectors=False, changes=Changes()):
    """The bytes of a file, and the text of what is in it."""
    seed = f"{version}-{layout}-{count}-{has_vectors}"
    chance = random.Random(int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big"))
    registers = profile_registers("6.12-neoverse-n1")
    registers = with_vectors(registers) if has_vectors else registers
    if changes.registers:
        registers = changes.registers(registers)
    vcpus = [VCPU(index, registers, has_vectors, chance) for index in range(count)]
    controller = Controller(count - changes.missing, layout, chance)
    content = state(layout, controller, vcpus, changes)
    devices = bytes(chance.getrandbits(8) for _ in range(200))
    header = (u64(MAGIC), Text(changes.rename or version))
    if codec == "Versionize":
        body = struct.pack("<QH", MAGIC | 1, int(version)) + bincode(content) + devices
    else:
        body = (bincode if codec == "bincode" else bitcode)((header, content)) + devices
    is_known = not (changes.information or changes.vcpu or changes.depth or changes.missing) and codec != "Versionize"
    found = layout if is_known else "none that is known"
    lines = [f"version {changes.rename or version}", f"layout {found}", f"codec {codec}"]
    for vcpu in vcpus:
        lines += vcpu.lines(layout, has_registers_alone=bool(changes.vcpu))
    lines += sorted(controller.found) if is_known else []
    return sealed(body), "\n".join(lines) + "\n"


def files(counts):
    """Each file's name, bytes and text."""
    for version, layout, codec in VERSIONS:
        for count in counts:
            yield (f"{version}-{layout.replace(chr(39), 't')}-{count}", *make(version, layout, codec, count))
    yield ("8.0.0-F-1-sve", *make("8.0.0", "F", "bincode", 1, has_vectors=True))
    yield ("10.0.0-F-2-sve", *make("10.0.0", "F", "bitcode", 2, has_vectors=True))
    yield from unknown_files()


def unknown_files():
    """Files of versions that nobody knows, in a layout that is known, and in none that is."""
    rename = Changes(rename="99.0.0")
    more = Changes(rename="99.0.0", information=(u64(7), Text("more")))
    other = Changes(rename="99.0.0", vcpu=(u64(1 << 63), Text("other")))
    for codec in "bincode", "bitcode":
        yield (f"99.0.0-{codec}", *make("12.0.0", "G", codec, 2, changes=rename))
        yield (f"99.0.0-{codec}-more", *make("12.0.0", "G", codec, 3, changes=more))
        yield (f"99.0.0-{codec}-other", *make("12.0.0", "G", codec, 9, changes=other))
        # Trees so deep that a reader must not follow them, and an interrupt controller of other vCPUs.
        yield (f"12.0.0-{codec}-deep", *make("12.0.0", "G", codec, 1, changes=Changes(depth=4000)))
        yield (f"12.0.0-{codec}-gic", *make("12.0.0", "G", codec, 2, changes=Changes(missing=1)))
    yield ("versionize-10", *make("10", "A", "Versionize", 2))


def bad_files():
    """Each file's name, bytes, and words of the reason why it is refused."""
    twice, odd = (lambda all: all[:5] + all[4:]), (lambda all: all + [(0x4030000000100000, 0)])
    for codec, version in ("bincode", "8.0.0"), ("bitcode", "10.0.0"):
        whole, _ = make(version, "F", codec, 1)
        yield (f"{codec}-checksum", whole[:-1] + bytes([whole[-1] ^ 1]), "the checksum of all bytes before it")
        yield (f"{codec}-twice", make(version, "F", codec, 1, changes=Changes(registers=twice))[0], "each register once")
        yield (f"{codec}-odd", make(version, "F", codec, 1, changes=Changes(registers=odd))[0], "an id of KVM")
        yield (f"{codec}-none", make(version, "F", codec, 0)[0], "no vCPU")
    x86 = struct.pack("<Q", 0x0710198486640000)
    yield ("x86", sealed(x86 + bincode(Text("4.0.0")) + bytes(100)), "Firecracker on x86-64")
    yield ("versionize-6", sealed(struct.pack("<QH", MAGIC | 1, 6) + bytes(100)), "release 1.2")
    yield ("empty", sealed(bincode((u64(MAGIC), Text("4.0.0")))), "cut off")
    many = struct.pack("<Q", 1 << 62)
    yield ("many", sealed(bincode((u64(MAGIC), Text("4.0.0"))) + bytes(10) + many * 20), "fit into")


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].split("\n\n")[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--vcpus", type=int, nargs="+", default=[1, 2, 32])
    parser.add_argument("--bad", action="store_true")
    arguments = parser.parse_args()
    # The deepest trees are written by functions that call themselves.
    sys.setrecursionlimit(40000)
    for name, content, text in bad_files() if arguments.bad else files(arguments.vcpus):
        (arguments.folder / f"{name}.vmstate").write_bytes(content)
        (arguments.folder / f"{name}.txt").write_text(text)


if __name__ == "__main__":
    main()
