"""A second, independent implementation of Formats/vcpusnap-v1.md, for measurements and cross-checks.

A snapshot is (provenance, vcpus): a list of (key, value) texts, and a list of
(index, {register id: value bytes}).
"""

import hashlib
import struct

import zstandard

MAGIC = b"\xf6vCS\r\n\x1a\n"
HEADER = struct.Struct("<8sHHHHIIIIIHHIQ")
CHUNK = struct.Struct("<4sHHII")
SKIPPABLE, COMPRESSED = 1, 2
STEP, SAME = 254, 255
LEVEL = 19


class Malformed(Exception):
    pass


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = CRC_TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def _crc_entry(value):
    for _ in range(8):
        value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value


CRC_TABLE = [_crc_entry(value) for value in range(256)]


class Dictionary:
    """A zstd dictionary and how a file names it; `Dictionary()` stands for none."""

    def __init__(self, data=b"", identifier=0):
        self.data = data
        self.identifier = identifier if data else 0
        self.digest = int.from_bytes(hashlib.sha256(data).digest()[:8], "little") if data else 0
        self.zstd = zstandard.ZstdCompressionDict(data) if data else None


def compress(data, dictionary=Dictionary()):
    return zstandard.ZstdCompressor(
        level=LEVEL, dict_data=dictionary.zstd, write_checksum=False, write_content_size=True,
        write_dict_id=False).compress(data)


def size_of(register):
    return 1 << (register >> 52 & 15)


def number(value):
    return int.from_bytes(value, "little")


# Numbers of variable length, and ascending numbers as gaps.

def varint(value):
    text = b""
    while value >= 0x80:
        text += bytes([value & 0x7F | 0x80])
        value >>= 7
    return text + bytes([value])


def gaps(values):
    previous = -1
    text = b""
    for value in values:
        text += varint(value - previous - 1)
        previous = value
    return text


class Cursor:
    def __init__(self, data):
        self.data, self.position = data, 0

    def take(self, count):
        if self.position + count > len(self.data):
            raise Malformed("a chunk ends early")
        self.position += count
        return self.data[self.position - count:self.position]

    def varint(self):
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def gaps(self, count):
        values, previous = [], -1
        for _ in range(count):
            previous += self.varint() + 1
            values.append(previous)
        return values

    def finish(self):
        if self.position != len(self.data):
            raise Malformed("a chunk has bytes left over")


# The VCPU chunk.

def unit(register):
    return max(1, size_of(register) // 128)


def code(value, earlier, step):
    """The code of a value and the bytes that follow it; `earlier` are those of the vCPUs before."""
    if earlier and value == earlier[-1]:
        return SAME, b""
    if len(earlier) > 1 and len(value) <= 8 and value == stepped(earlier):
        return STEP, b""
    count = -(-len(value.rstrip(b"\0")) // step)
    return count, value[:count * step]


def stepped(earlier):
    modulus = 1 << 8 * len(earlier[-1])
    return ((2 * number(earlier[-1]) - number(earlier[-2])) % modulus).to_bytes(
        len(earlier[-1]), "little")


def vcpu_payload(vcpus):
    ids = sorted({register for _, registers in vcpus for register in registers})
    codes, values, sets = {}, b"", b""
    for register in ids:
        earlier = []
        for position, (_, registers) in enumerate(vcpus):
            if register in registers:
                codes[position, register], text = code(
                    registers[register], earlier, unit(register))
                values += text
                earlier.append(registers[register])
    previous = None
    for _, registers in vcpus:
        if len(registers) == len(ids):
            sets += b"\0"
        elif previous is not None and registers.keys() == previous.keys():
            sets += b"\1"
        else:
            bits = sum(1 << place for place, each in enumerate(ids) if each in registers)
            sets += b"\2" + bits.to_bytes(-(-len(ids) // 8), "little")
        previous = registers
    rows = bytes(codes[position, register] for position in range(len(vcpus))
                 for register in ids if register in vcpus[position][1])
    return gaps([index for index, _ in vcpus]) + gaps(ids) + sets + rows + values


def parse_vcpus(data, vcpu_count, register_count):
    cursor = Cursor(data)
    indexes, ids = cursor.gaps(vcpu_count), cursor.gaps(register_count)
    members = []
    for _ in indexes:
        selector = cursor.take(1)[0]
        if selector == 0:
            members.append(ids)
        elif selector == 1:
            members.append(members[-1])
        else:
            bits = number(cursor.take(-(-register_count // 8)))
            members.append([each for place, each in enumerate(ids) if bits >> place & 1])
    codes = [dict(zip(each, cursor.take(len(each)))) for each in members]
    vcpus = [(index, {}) for index in indexes]
    for register in ids:
        earlier = []
        for row, (_, registers) in zip(codes, vcpus):
            if register not in row:
                continue
            if row[register] == SAME:
                value = earlier[-1]
            elif row[register] == STEP:
                value = stepped(earlier)
            else:
                value = cursor.take(row[register] * unit(register)).ljust(size_of(register), b"\0")
            registers[register] = value
            earlier.append(value)
    cursor.finish()
    return vcpus


# The PROV chunk.

def provenance_payload(provenance):
    return b"".join(
        varint(len(text.encode())) + text.encode() for entry in provenance for text in entry)


def parse_provenance(data):
    cursor, texts = Cursor(data), []
    while cursor.position < len(data):
        texts.append(cursor.take(cursor.varint()).decode())
    return list(zip(texts[::2], texts[1::2]))


# The file.

def chunk(kind, flags, data, dictionary):
    stored = compress(data, dictionary)
    if len(stored) < len(data):
        flags |= COMPRESSED
    else:
        stored = data
    start = CHUNK.pack(kind, 1, flags, len(stored), len(data))
    return start + struct.pack("<I", crc32c(start + stored)) + stored


def encode(provenance, vcpus, dictionary=Dictionary()):
    payloads = [(b"VCPU", 0, vcpu_payload(vcpus))]
    if provenance:
        payloads.insert(0, (b"PROV", SKIPPABLE, provenance_payload(provenance)))
    chunks = b"".join(chunk(*each, dictionary) for each in payloads)
    raw = [len(data) for _, _, data in payloads] + [32]
    header = HEADER.pack(
        MAGIC, 1, 0, 56, len(raw), 0, 0, 56 + len(chunks) + 52, sum(raw), max(raw), len(vcpus),
        len({register for _, registers in vcpus for register in registers}),
        dictionary.identifier, dictionary.digest)
    text = header + struct.pack("<I", crc32c(header)) + chunks
    end = CHUNK.pack(b"END ", 1, 0, 32, 32)
    digest = hashlib.sha256(text).digest()
    return text + end + struct.pack("<I", crc32c(end + digest)) + digest


def decode(text, dictionary=Dictionary()):
    (magic, major, _, header_size, count, incompatible, _, file_size, _, _, vcpu_count,
     register_count, identifier, digest) = HEADER.unpack_from(text)
    if magic != MAGIC or major != 1 or incompatible:
        raise Malformed("not a vcpusnap file of version 1")
    if crc32c(text[:header_size - 4]) != number(text[header_size - 4:header_size]):
        raise Malformed("the header's checksum is wrong")
    if file_size != len(text):
        raise Malformed("the file is not as long as its header says")
    if identifier and (identifier, digest) != (dictionary.identifier, dictionary.digest):
        raise Malformed("the file needs another dictionary")
    payloads, position = {}, header_size
    for _ in range(count):
        kind, _, flags, stored_size, raw_size = CHUNK.unpack_from(text, position)
        stored = text[position + 20:position + 20 + stored_size]
        if crc32c(text[position:position + 16] + stored) != number(
                text[position + 16:position + 20]):
            raise Malformed(f"{kind}: the checksum is wrong")
        if kind == b"END " and hashlib.sha256(text[:position]).digest() != stored:
            raise Malformed("the digest is wrong")
        if flags & COMPRESSED:
            stored = zstandard.ZstdDecompressor(
                dict_data=dictionary.zstd if identifier else None).decompress(stored)
        if len(stored) != raw_size:
            raise Malformed(f"{kind}: decompresses to another size")
        payloads[kind] = stored
        position += 20 + stored_size
    return (parse_provenance(payloads.get(b"PROV", b"")),
            parse_vcpus(payloads[b"VCPU"], vcpu_count, register_count))
