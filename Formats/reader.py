#!/usr/bin/env python3
"""Reads snapshot files, written from vcpusnap-v1.md: a second reader, to compare others with.

usage: reader.py FILE             print what a file holds, in the form of vectors/vcpusnap-v1; - is standard input
       reader.py --check VECTORS  read every vector in that folder, and name those that are not as they should be
       reader.py --batch          read the files on standard input, each behind its length (four bytes, the least significant
                                  first), and print for each "accept" and the SHA-256 of its text, or "refuse" and why

The exit code is 1 for a file that is refused, with the rule of section 10 and the byte. Time and memory are bounded by the
limits of the format. Needs Python 3.9, and for compressed chunks Python 3.14 or the program zstd.
"""

import hashlib
import pathlib
import struct
import subprocess
import sys
import tempfile

try:
    from compression import zstd
except ImportError:
    zstd = None

MAGIC, ZSTD_MAGIC = bytes.fromhex("f67643530d0a1a0a"), bytes.fromhex("28b52ffd")
DICTIONARY = pathlib.Path(__file__).resolve().parent / "vcpusnap-v1.zdict"
DIGESTS = {0: bytes(8), 0x31736376: bytes.fromhex("732b31180d7cf50d")}
SKIPPABLE, COMPRESSED, SAME, STEP, MIB, BLOCK = 1, 2, 255, 254, 1 << 20, 128 << 10
# What a program must not print as it is (section 16), and what would make the text ambiguous.
ESCAPED = {0x5C, *range(0x80, 0xA0), 0x61C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A)}
LONGEST_TEXT = 16 << 10  # of a longer text a vector has the SHA-256


class Refused(Exception):
    """A file that breaks a rule of section 10."""

    def __init__(self, rule, byte, words):
        super().__init__(f"refused by {rule} at byte {byte}: {words}")
        self.rule = rule


CRC = list(range(256))
for _ in range(8):
    CRC = [value >> 1 ^ (0x82F63B78 if value & 1 else 0) for value in CRC]


def crc32c(data):
    value = 0xFFFFFFFF
    for byte in data:
        value = CRC[(value ^ byte) & 0xFF] ^ value >> 8
    return value ^ 0xFFFFFFFF


class Cursor:
    """Takes bytes one after another; `at` is where they begin in the file, or what they were decompressed from."""

    def __init__(self, data, at, rule, is_stored=True):
        self.data, self.at, self.rule, self.is_stored = data, at, rule, is_stored
        self.position, self.remaining = 0, len(data)

    def refuse(self, rule, words):
        place = "" if self.is_stored else f", at byte {self.position} of the content"
        raise Refused(rule, self.at + (self.position if self.is_stored else 0), words + place)

    def take(self, count):
        if count > self.remaining:
            self.refuse(self.rule, f"{count} bytes are needed, {self.remaining} are left")
        self.position, self.remaining = self.position + count, self.remaining - count
        return self.data[self.position - count:self.position]

    def number(self, size):
        return int.from_bytes(self.take(size), "little")

    def varint(self):
        value = 0
        for shift in range(0, 70, 7):
            byte = self.number(1)
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                if value >> 64 or byte == 0 and shift:
                    self.refuse("varint", "a number above 64 bits, or longer than needed")
                return value
        self.refuse("varint", "a number of more than 10 bytes")

    def limited(self, limit, what):
        value = self.varint()
        if value > limit:
            self.refuse("limit", f"{what} is {value}, the limit {limit}")
        return value

    def ascending(self, count):
        value = -1
        for _ in range(count):
            value += self.varint() + 1
            if value >> 64:
                self.refuse("list", "a list goes above 64 bits")
            yield value

    def ids(self, count):
        """Register ids, and the sizes of their values."""
        ids = list(self.ascending(count))
        if any(register >> 52 & 15 > 8 for register in ids):
            self.refuse("id-size", "a register id of undefined size")
        return ids, [1 << (register >> 52 & 15) for register in ids]

    def value(self, code, size, earlier):
        """What a code of section 6 means; `earlier` has the two nearest values, the nearest last."""
        if code == SAME and earlier:
            return earlier[-1]
        if code == STEP and len(earlier) == 2 and size <= 8:
            return (2 * earlier[1] - earlier[0]) % (1 << 8 * size)
        count = code * max(1, size // 128)
        if code > 128 or count > size:
            self.refuse("code", f"code {code} for a value of {size} bytes")
        return self.number(count)

    def finish(self):
        if self.remaining:
            self.refuse("long-content", f"{self.remaining} bytes are left over")


class Header:
    """Section 3, by steps 1 to 5 of section 9."""

    def __init__(self, data):
        cursor = Cursor(data, 0, "truncated")
        if data[:8] != MAGIC[:len(data)]:
            cursor.refuse("magic", "this is no snapshot file")
        _, major, _, self.size = struct.unpack("<8sHHH", cursor.take(14))
        if major != 1:
            raise Refused("major-version", 8, f"the major version is {major}")
        if not 56 <= self.size <= 4096:
            raise Refused("header-size", 12, f"the header has {self.size} bytes")
        fields = cursor.take(self.size - 18)
        if crc32c(data[:self.size - 4]) != cursor.number(4):
            raise Refused("header-checksum", self.size - 4, "the checksum is another")
        self.chunks, incompatible, _, self.file, self.content, self.largest = struct.unpack_from("<HIIIII", fields)
        self.vcpus, self.registers, self.dictionary, digest = struct.unpack_from("<HHI8s", fields, 22)
        if incompatible:
            raise Refused("incompatible-feature", 16, f"features 0x{incompatible:x}")
        for byte, value, limit in (
                (14, self.chunks, 256), (24, self.file, 64 * MIB), (28, self.content, 64 * MIB),
                (36, self.vcpus, 4096), (38, self.registers, 4096), (38, self.vcpus * self.registers, 1 << 21)):
            if value > limit:
                raise Refused("limit", byte, f"{value} is above {limit}")
        if self.largest > self.content:
            raise Refused("largest-content", 32, f"{self.largest} of {self.content} bytes")
        if DIGESTS.get(self.dictionary) != digest:
            raise Refused("dictionary", 40, f"dictionary 0x{self.dictionary:x} with digest {digest.hex()}")


class Chunk:
    """Section 4, by steps 6 to 8 of section 9."""

    def __init__(self, cursor, header):
        self.at, self.dictionary = cursor.position, header.dictionary
        head = cursor.take(16)
        self.kind, self.version, self.flags, stored, self.size = struct.unpack("<4sHHII", head)
        checksum = cursor.number(4)
        if stored > header.file - cursor.position:
            self.refuse("stored-size", 8, f"{stored} bytes do not fit the file")
        if self.size > header.largest:
            self.refuse("content-size", 12, f"{self.size} bytes are more than the largest")
        self.stored = cursor.take(stored)
        if checksum != crc32c(head + self.stored):
            self.refuse("chunk-checksum", 16, "the checksum is another")
        if self.flags & ~(SKIPPABLE | COMPRESSED):
            self.refuse("chunk-flags", 6, f"flags 0x{self.flags:x}")
        if not self.flags & COMPRESSED and stored != self.size:
            self.refuse("uncompressed-size", 8, f"{stored} bytes for {self.size}")
        self.is_known = self.version == 1 and self.kind in (b"PROV", b"VCPU", b"VM  ", b"END ")
        if not self.is_known and not self.flags & SKIPPABLE:
            self.refuse("unknown-chunk", 0, f"kind {self.kind!r}, version {self.version}")

    def refuse(self, rule, offset, words):
        raise Refused(rule, self.at + offset, words)

    def content(self):
        is_stored = not self.flags & COMPRESSED
        return Cursor(self.stored if is_stored else decompressed(self), self.at + 20, "short-content", is_stored)


def decompressed(chunk):
    """Section 8: the content of exactly one frame of RFC 8878, whose header and blocks are checked before."""
    cursor = Cursor(chunk.stored, chunk.at + 20, "frame")
    if cursor.take(4) != ZSTD_MAGIC:
        cursor.refuse("frame", "this is no zstd frame")
    descriptor = cursor.number(1)
    is_single, has_checksum, size_bytes = descriptor >> 5 & 1, descriptor >> 2 & 1, 1 << (descriptor >> 6)
    exponent, eighths = divmod(0 if is_single else cursor.number(1), 8)
    window = chunk.size if is_single else (8 + eighths) << exponent + 7
    named = cursor.number((0, 1, 2, 4)[descriptor & 3])
    if descriptor & 8 or named not in (0, chunk.dictionary) or not min(chunk.size, BLOCK) <= window < 1 << 32:
        cursor.refuse("frame", f"its reserved bit, its dictionary 0x{named:x} or its window of {window} bytes")
    declared = cursor.number(size_bytes) + (256 if size_bytes == 2 else 0) if is_single or size_bytes > 1 else None
    if declared != chunk.size:
        cursor.refuse("frame", f"it declares {declared} bytes, the chunk {chunk.size}")
    start = cursor.position
    check_blocks(cursor, min(window, BLOCK), chunk.size, has_checksum)
    # The decoder gets a header that says the same, but always with a window that it has: no rule depends on it any more.
    head = bytes([0x80 | is_single << 5 | has_checksum << 2]) + (b"" if is_single else b"\x88")
    frame = ZSTD_MAGIC + head + struct.pack("<I", chunk.size) + chunk.stored[start:]
    content = decoded(frame, chunk.size + 1, chunk.dictionary)
    if content is None or len(content) != chunk.size:
        cursor.refuse("frame", "it does not decompress to the declared size")
    return content


def check_blocks(cursor, largest, size, has_checksum):
    is_last, most = False, 0
    while not is_last:
        head = cursor.number(3)
        is_last, kind, length = head & 1, head >> 1 & 3, head >> 3
        if kind == 3 or length > largest:
            cursor.refuse("frame", f"a block of type {kind} and {length} bytes")
        cursor.take(1 if kind == 1 else length)
        most += largest if kind == 2 else length
    cursor.take(4 * has_checksum)
    if cursor.remaining or most < size:
        cursor.refuse("frame", f"{cursor.remaining} bytes follow, or its blocks hold at most {most} bytes")


def decoded(frame, limit, dictionary):
    """At most `limit` bytes of what the frame holds; None when it is not sound."""
    if zstd:
        decoder = zstd.ZstdDecompressor(
            zstd.ZstdDict(DICTIONARY.read_bytes()) if dictionary else None, {zstd.DecompressionParameter.window_log_max: 27})
        try:
            content = decoder.decompress(frame, max_length=limit)
        except zstd.ZstdError:
            return None
        return content if decoder.eof else None
    command = ["zstd", "-dcq", *(["-D", str(DICTIONARY)] if dictionary else [])]
    with tempfile.TemporaryFile() as file:
        file.write(frame)
        file.seek(0)
        with subprocess.Popen(command, stdin=file, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            content = process.stdout.read(limit)
    return content if process.returncode == 0 else None


def provenance(cursor):
    pairs = {}
    while cursor.remaining:
        if len(pairs) == 1024:
            cursor.refuse("limit", "there are more than 1024 pairs")
        key, value = (cursor.take(cursor.limited(4096, "the length of a text")) for _ in range(2))
        if not key or key in pairs or any(byte < 0x20 or byte == 0x7F for byte in key + value):
            cursor.refuse("text", "a key that is empty or stands twice, or a control character")
        pairs[key] = value
    try:
        return [(key.decode(), value.decode()) for key, value in pairs.items()]
    except UnicodeDecodeError as error:
        cursor.refuse("text", str(error))


def vcpu_sets(cursor, header):
    """For each vCPU a number that has a bit for each id of the table."""
    everything, sets, used = (1 << header.registers) - 1, [], 0
    for _ in range(header.vcpus):
        selector = cursor.number(1)
        if selector > 2 or selector == 1 and not sets:
            cursor.refuse("set", f"selector {selector}")
        bitmap = cursor.number((header.registers + 7) // 8) if selector == 2 else None
        sets.append(bitmap if selector == 2 else sets[-1] if selector else everything)
        if sets[-1] > everything:
            cursor.refuse("set", "a bit beyond the table")
        used |= sets[-1]
    if used != everything:
        cursor.refuse("unused-id", "an id belongs to no vCPU")
    return sets


def vcpus(cursor, header):
    """Of each vCPU: what it is called, its ids and its values."""
    indexes = list(cursor.ascending(header.vcpus))
    if indexes and indexes[-1] >> 32:
        cursor.refuse("index", f"the vCPU index {indexes[-1]}")
    ids, sizes = cursor.ids(header.registers)
    sets = vcpu_sets(cursor, header)
    if sum(sum(of(members, sizes)) for members in sets) > 64 * MIB:
        cursor.refuse("limit", "there are more than 64 MiB of values")
    codes = [iter(cursor.take(bin(members).count("1"))) for members in sets]
    values = [[] for _ in sets]
    for place, size in enumerate(sizes):
        earlier = []
        for number, members in enumerate(sets):
            if members >> place & 1:
                values[number].append(cursor.value(next(codes[number]), size, earlier))
                earlier = [*earlier[-1:], values[number][-1]]
    cursor.finish()
    return [(f"vcpu {index}", of(members, ids), own) for index, members, own in zip(indexes, sets, values)]


def of(members, table):
    return (entry for place, entry in enumerate(table) if members >> place & 1)


def vm(cursor):
    ids, sizes = cursor.ids(cursor.limited(16384, "the number of registers"))
    values = [cursor.value(code, size, []) for code, size in zip(cursor.take(len(ids)), sizes)]
    cursor.finish()
    return [("vm", ids, values)] if ids else []


def check_end(chunk, data, is_last):
    if not is_last:
        chunk.refuse("end-place", 0, "END is not the last chunk")
    if chunk.flags or len(chunk.stored) != 32:
        chunk.refuse("end-form", 0, f"flags 0x{chunk.flags:x}, {len(chunk.stored)} bytes")
    if chunk.stored != hashlib.sha256(data[:chunk.at]).digest():
        chunk.refuse("digest", 20, "the file was changed")


def read(data):
    """The lines of the text that says what a file holds: section 9."""
    header, cursor = Header(data), Cursor(data, 0, "truncated")
    cursor.take(header.size)
    sizes, found = [], {}
    for number in range(1, header.chunks + 1):
        chunk = Chunk(cursor, header)
        sizes.append(chunk.size)
        if chunk.is_known and chunk.kind in found:
            chunk.refuse("second-chunk", 0, f"{chunk.kind!r} stands twice")
        if chunk.is_known:
            found[chunk.kind] = (
                check_end(chunk, data, number == header.chunks) if chunk.kind == b"END " else
                provenance(chunk.content()) if chunk.kind == b"PROV" else
                vcpus(chunk.content(), header) if chunk.kind == b"VCPU" else vm(chunk.content()))
    if b"END " not in found:
        cursor.refuse("no-end", "there is no END")
    said, found_out = (header.file, header.content, header.largest), (cursor.position, sum(sizes), max(sizes))
    if said != found_out:
        raise Refused("totals", 24, f"file, content and largest content are {found_out}, not {said}")
    if cursor.remaining:
        cursor.refuse("trailing", "the input goes on")
    if b"VCPU" not in found:
        cursor.refuse("no-vcpu", "there is no VCPU")
    return lines(found.get(b"PROV", []), found[b"VCPU"] + found.get(b"VM  ", []))


def lines(pairs, units):
    for key, value in pairs:
        yield f"provenance {shown(key, '=')} = {shown(value)}\n"
    for name, ids, values in units:
        yield f"{name}\n"
        yield from (f"{register:016x} 0x{value:x}\n" for register, value in zip(ids, values))


def shown(words, also=""):
    return "".join(f"\\u{{{ord(c):x}}}" if ord(c) in ESCAPED or c in also else c for c in words)


def verdict(data):
    """What a vector's text says: that of the content, its SHA-256 if it is long, or the rule; and the refusal."""
    digest, start, length = hashlib.sha256(), [], 0
    try:
        for line in read(data):
            digest.update(line.encode())
            length += len(line.encode())
            start += [line] if length <= LONGEST_TEXT else []
    except Refused as refusal:
        return f"refuse {refusal.rule}\n", refusal, None
    return "".join(start) if length <= LONGEST_TEXT else f"sha256 {digest.hexdigest()}\n", None, digest.hexdigest()


def check(folder):
    paths, wrong = sorted(folder.glob("vcpusnap-v1/*/*.vcpusnap")), 0
    for path in paths:
        text, refusal, _ = verdict(path.read_bytes())
        if text.encode() != path.with_suffix(".txt").read_bytes() or (refusal is None) != (path.parent.name == "good"):
            wrong += 1
            print(f"{path}: {refusal or text[:200]}", file=sys.stderr)
    print(f"reader.py: {len(paths)} vectors, {wrong} not as they should be")
    return 1 if wrong or not paths else 0


def main(arguments):
    sys.stdout.reconfigure(encoding="utf-8")
    if len(arguments) == 2 and arguments[0] == "--check":
        return check(pathlib.Path(arguments[1]))
    while arguments == ["--batch"]:
        length = sys.stdin.buffer.read(4)
        if not length:
            return 0
        _, refusal, digest = verdict(sys.stdin.buffer.read(int.from_bytes(length, "little")))
        print(f"refuse {refusal.rule}: {refusal}" if refusal else f"accept {digest}", flush=True)
    if len(arguments) != 1 or arguments[0].startswith("--"):
        sys.exit(__doc__)
    try:
        with open(0 if arguments[0] == "-" else arguments[0], "rb") as file:
            sys.stdout.writelines(read(file.read(64 * MIB + 1)))
    except (OSError, Refused) as problem:
        sys.exit(f"reader.py: {problem}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
