"""Snapshot files put together by hand, sound or with one thing changed, from Formats/vcpusnap-v1.md alone.

Nothing of the program is used, and no zstd library: compressed chunks are frames whose blocks are put together here.
"""

import hashlib
import struct

MAGIC = bytes.fromhex("f67643530d0a1a0a")
X0, X1, PC, MP_STATE = 0x6030000000100000, 0x6030000000100002, 0x6030000000100040, 0x7620000000000003
V0 = 0x60400000001000D4
WIDE, HUGE = 0x6070000000000100, 0x6080000000000200
VM_ID = 0x7630000000010000
MASK64 = (1 << 64) - 1
MIB, BLOCK = 1 << 20, 128 << 10

SKIPPABLE, COMPRESSED = 1, 2
SAME, STEP = 255, 254


def crc_table():
    table = list(range(256))
    for _ in range(8):
        table = [value >> 1 ^ (0x82F63B78 if value & 1 else 0) for value in table]
    return table


CRC = crc_table()


def crc32c(data):
    value = 0xFFFFFFFF
    for byte in data:
        value = CRC[(value ^ byte) & 0xFF] ^ value >> 8
    return value ^ 0xFFFFFFFF


def varint(number):
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out + bytes([number]))


def ascending(numbers):
    """A list as the page says; it does not mind lists that are not ascending or too large."""
    out, previous = b"", None
    for number in numbers:
        out += varint(number if previous is None else number - previous - 1)
        previous = number
    return out


def text(data):
    data = data.encode() if isinstance(data, str) else data
    return varint(len(data)) + data


def pairs(*entries):
    return b"".join(text(key) + text(value) for key, value in entries)


class File:
    """A sound file of one vCPU with X0 = 1, in which a test changes one thing."""

    def __init__(self, content=None, vcpus=1, registers=1, **fields):
        self.chunks = [dict(kind=b"VCPU", content=CONTENT if content is None else content, **fields)]
        self.vcpus, self.registers = vcpus, registers
        self.fields, self.extension = {}, b""
        self.has_end, self.end = True, {}

    def add(self, kind, content=b"", first=False, **fields):
        self.chunks.insert(0 if first else len(self.chunks), dict(kind=kind, content=content, **fields))
        return self

    def set(self, **fields):
        self.fields.update(fields)
        return self

    def change(self, **attributes):
        for name, value in attributes.items():
            setattr(self, name, value)
        return self

    def chunk(self, kind, content, version=1, flags=0, stored=None, size=None, checksum=0):
        stored = len(content) if stored is None else stored
        size = len(content) if size is None else size
        head = kind + struct.pack("<HHII", version, flags, stored, size)
        return head + struct.pack("<I", crc32c(head + content) ^ checksum) + content

    def header(self, body):
        sizes = [chunk.get("size", len(chunk["content"])) for chunk in self.chunks] + [32] * self.has_end
        length = 56 + len(self.extension)
        values = dict(
            magic=MAGIC, major=1, minor=0, header=length, chunks=len(sizes), incompatible=0, compatible=0,
            file=length + len(body) + 52 * self.has_end, content=sum(sizes), largest=max(sizes, default=0),
            vcpus=self.vcpus, registers=self.registers, dictionary=0, digest=bytes(8), checksum=0)
        values.update(self.fields)
        head = values["magic"] + struct.pack(
            "<HHHHIIIIIHHI", *(values[name] for name in (
                "major", "minor", "header", "chunks", "incompatible", "compatible", "file", "content",
                "largest", "vcpus", "registers", "dictionary"))) + values["digest"] + self.extension
        return head + struct.pack("<I", crc32c(head) ^ values["checksum"])

    def bytes(self):
        body = b"".join(self.chunk(**chunk) for chunk in self.chunks)
        out = self.header(body) + body
        if not self.has_end:
            return out
        return out + self.chunk(**{"kind": b"END ", "content": hashlib.sha256(out).digest(), **self.end})

    def patched(self, *changes):
        """The bytes, of which some are changed without putting a checksum right: pairs of place and bytes."""
        out = bytearray(self.bytes())
        for place, new in changes:
            out[place:place + len(new)] = new
        return bytes(out)


# Frames of RFC 8878, with blocks that need no compressor.

RAW, RUN, SEQUENCES = 0, 1, 2


def block(data, last=True, kind=RAW, length=None):
    """A block; of a run `length` is how often its byte stands."""
    return struct.pack("<I", (len(data) if length is None else length) << 3 | kind << 1 | last)[:3] + data


def zeros(count):
    """The last blocks of a frame: runs of zeros."""
    out = b""
    while count:
        run = min(count, BLOCK)
        count -= run
        out += block(b"\0", not count, RUN, run)
    return out


def copied(literals, offset, length, **options):
    """A compressed block: literals as they are, then a copy of `length` (3 to 34) bytes from `offset` before its end.

    Its three codes are of the kind RLE_Mode, so that its bit stream is the offset's extra bits alone.
    """
    code = (offset + 3).bit_length() - 1
    stream = 1 << code | (offset + 3) ^ 1 << code
    return block(
        bytes([len(literals) << 3]) + literals + bytes([1, 0x54, len(literals), code, length - 3])
        + stream.to_bytes(code // 8 + 1, "little"), kind=SEQUENCES, **options)


def frame(blocks, size, window=None, dictionary=b"", checksum=None, size_bytes=4, extra=0):
    """A frame: of a single segment without `window`, the byte of its Window_Descriptor; `dictionary` is the field's bytes."""
    flags = {0: 0, 1: 0, 2: 1, 4: 2, 8: 3}[size_bytes] << 6 | (window is None) << 5 | (checksum is not None) << 2
    out = bytes.fromhex("28b52ffd") + bytes([flags | (0, 1, 2, None, 3)[len(dictionary)] | extra])
    out += b"" if window is None else bytes([window])
    out += dictionary + (size - (256 if size_bytes == 2 else 0)).to_bytes(8, "little")[:size_bytes]
    return out + blocks + (b"" if checksum is None else struct.pack("<I", checksum & 0xFFFFFFFF))


def xxh64(data):
    """XXH64 with seed 0, of less than 32 bytes: zstd's checksum is its low half."""
    prime = (0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5)

    def rotate(value, bits):
        return (value << bits | value >> (64 - bits)) & MASK64

    value = (prime[4] + len(data)) & MASK64
    while len(data) >= 8:
        lane = rotate(int.from_bytes(data[:8], "little") * prime[1] & MASK64, 31) * prime[0] & MASK64
        value, data = (rotate(value ^ lane, 27) * prime[0] + prime[3]) & MASK64, data[8:]
    if len(data) >= 4:
        lane = int.from_bytes(data[:4], "little") * prime[0] & MASK64
        value, data = (rotate(value ^ lane, 23) * prime[1] + prime[2]) & MASK64, data[4:]
    for byte in data:
        value = rotate(value ^ byte * prime[4] & MASK64, 11) * prime[0] & MASK64
    value = (value ^ value >> 33) * prime[1] & MASK64
    value = (value ^ value >> 29) * prime[2] & MASK64
    return value ^ value >> 32


# Files of some kinds.

CONTENT = ascending([0]) + ascending([X0]) + bytes([0, 1, 1])


def compressed(stored, size=len(CONTENT), vcpus=1, registers=1, **fields):
    return File(stored, vcpus, registers, **{"size": size, "flags": COMPRESSED, **fields})


def with_dictionary(file, dictionary):
    digest = hashlib.sha256(dictionary).digest()[:8]
    return file.set(dictionary=int.from_bytes(dictionary[4:8], "little"), digest=digest)


def from_dictionary(dictionary):
    """A frame whose register's value is copied from the end of the dictionary, and its content's size."""
    head = ascending([0]) + ascending([V0]) + bytes([0, 16])
    return frame(copied(head, len(head) + 16, 16), len(head) + 16, window=0x38), len(head) + 16


def provenance(*entries, **fields):
    return File().add(b"PROV", pairs(*entries), first=True, **{"flags": SKIPPABLE, **fields})


def vm(ids, codes, values=b"", **fields):
    content = varint(len(ids)) + ascending(ids) + bytes(codes) + bytes(values)
    return File().set(minor=1).add(b"VM  ", content, **{"flags": SKIPPABLE, **fields})


def vcpu_content(indexes, ids, rest, vcpus=None, registers=None):
    return File(
        ascending(indexes) + ascending(ids) + bytes(rest),
        len(indexes) if vcpus is None else vcpus, len(ids) if registers is None else registers)


def long_run(run, window):
    """A sound content above 128 KiB that ends in so many zeros, 128 KiB or one more, in one run; and its ids."""
    ids = [HUGE + n for n in range(512)] + [0x7000000000000001] * (run > BLOCK)
    head = ascending([0]) + ascending(ids) + b"\0" + b"\x80" * 512 + b"\1" * (run > BLOCK)
    size = len(head) + run
    return compressed(frame(block(head, False) + block(b"\0", True, RUN, run), size, window), size, registers=len(ids)), ids


def copied_from_far():
    """A content whose last 16 bytes are copied from before a window of 128 KiB, its ids, and what they are."""
    ids = [HUGE + n for n in range(512)] + [0x7040000000000001]
    head = ascending([0]) + ascending(ids) + b"\0" + b"\x80" * 512 + b"\x10"
    size = len(head) + BLOCK + 16
    blocks = block(head, False) + block(b"\0", False, RUN, BLOCK) + copied(b"", BLOCK + len(head), 16)
    return compressed(frame(blocks, size, 0x38), size, registers=513), ids, int.from_bytes(head[:16], "little")


def of_size(exponent, number=0):
    """A register id whose value has 2^exponent bytes."""
    return 0x6000000000000000 | exponent << 52 | number


def many(vcpus, ids, rest, zero_bytes):
    """A file of vCPUs from 0 on, whose content goes on with `rest` and ends in zeros, compressed as runs."""
    head = ascending(range(vcpus)) + ascending(ids) + rest
    size = len(head) + zero_bytes
    return compressed(frame(block(head, False) + zeros(zero_bytes), size), size, vcpus, len(ids))


# What a file holds, as text.

def held(vcpus=None, vm=(), provenance=()):
    """The text for vCPUs as pairs of number and registers; registers are pairs of id and value."""
    out = [f"provenance {key} = {value}\n" for key, value in provenance]
    vcpus = [(0, [(X0, 1)])] if vcpus is None else vcpus
    for name, registers in [(f"vcpu {number}", own) for number, own in vcpus] + [("vm", vm)] * bool(vm):
        out.append(f"{name}\n")
        out += [f"{register:016x} 0x{value:x}\n" for register, value in registers]
    return "".join(out)


ONE = held()
