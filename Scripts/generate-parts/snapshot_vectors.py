"""Snapshot files that a reader must accept or refuse: Formats/vectors/vcpusnap-v1, made from the page alone.

Nothing of the program is used, and no zstd library: compressed chunks are frames of raw and run-length
blocks, put together here. So these files check the program against Formats/vcpusnap-v1.md, and other
readers too.
"""

import hashlib
import struct

MAGIC = bytes.fromhex("f67643530d0a1a0a")
X0, X1, PC, MP_STATE = 0x6030000000100000, 0x6030000000100002, 0x6030000000100040, 0x7620000000000003
V0 = 0x60400000001000D4
WIDE, HUGE = 0x6070000000000100, 0x6080000000000200
VM_ID = 0x7630000000010000
MASK64 = (1 << 64) - 1

SKIPPABLE, COMPRESSED = 1, 2


def crc32c(data):
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
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

    def __init__(self, content=None, vcpus=1, registers=1):
        if content is None:
            content = ascending([0]) + ascending([X0]) + bytes([0, 1, 1])
        self.chunks = [dict(kind=b"VCPU", content=content)]
        self.vcpus, self.registers = vcpus, registers
        self.fields, self.extension = {}, b""
        self.has_end, self.end, self.tail = True, {}, b""

    def add(self, kind, content=b"", first=False, **fields):
        self.chunks.insert(0 if first else len(self.chunks), dict(kind=kind, content=content, **fields))
        return self

    def set(self, **fields):
        self.fields.update(fields)
        return self

    def chunk(self, kind, content, version=1, flags=0, stored=None, size=None, checksum=0):
        stored = len(content) if stored is None else stored
        size = len(content) if size is None else size
        head = kind + struct.pack("<HHII", version, flags, stored, size)
        return head + struct.pack("<I", crc32c(head + content) ^ checksum) + content

    def bytes(self):
        body = b"".join(self.chunk(**chunk) for chunk in self.chunks)
        sizes = [chunk.get("size", len(chunk["content"])) for chunk in self.chunks]
        sizes += [32] if self.has_end else []
        length = 56 + len(self.extension)
        values = dict(
            magic=MAGIC, major=1, minor=0, header=length, chunks=len(sizes), incompatible=0, compatible=0,
            file=length + len(body) + (52 if self.has_end else 0), content=sum(sizes), largest=max(sizes),
            vcpus=self.vcpus, registers=self.registers, dictionary=0, digest=bytes(8), checksum=0)
        values.update(self.fields)
        head = values["magic"] + struct.pack(
            "<HHHHIIIIIHHI", *(values[name] for name in (
                "major", "minor", "header", "chunks", "incompatible", "compatible", "file", "content",
                "largest", "vcpus", "registers", "dictionary"))) + values["digest"] + self.extension
        out = head + struct.pack("<I", crc32c(head) ^ values["checksum"]) + body
        if self.has_end:
            digest = hashlib.sha256(out).digest()
            end = dict(kind=b"END ", content=digest)
            end.update(self.end)
            out += self.chunk(**end)
        return out + self.tail


# Frames of RFC 8878, with blocks that need no compressor.

def block(data, last=True, repeat=None):
    if repeat is not None:
        return struct.pack("<I", repeat << 3 | 1 << 1 | last)[:3] + data
    return struct.pack("<I", len(data) << 3 | last)[:3] + data


def frame(blocks, size, single=True, window=None, dictionary=None, checksum=None, declares=True):
    """A frame; `window` is the Window_Descriptor's byte."""
    dictionary_flag = 0 if dictionary is None else 3
    size_flag = 2 if declares else 0
    descriptor = size_flag << 6 | single << 5 | (checksum is not None) << 2 | dictionary_flag
    out = bytes.fromhex("28b52ffd") + bytes([descriptor])
    out += b"" if single else bytes([window])
    out += b"" if dictionary is None else struct.pack("<I", dictionary)
    out += struct.pack("<I", size) if declares else b""
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


CONTENT = ascending([0]) + ascending([X0]) + bytes([0, 1, 1])
ONE = "vcpu 0\n6030000000100000 0x1\n"


def compressed(stored, size=len(CONTENT)):
    file = File()
    file.chunks[0].update(content=stored, size=size, flags=COMPRESSED)
    return file


def with_dictionary(file, dictionary):
    digest = hashlib.sha256(dictionary).digest()[:8]
    return file.set(dictionary=int.from_bytes(dictionary[4:8], "little"), digest=digest)


def provenance(*entries, **fields):
    return File().add(b"PROV", pairs(*entries), first=True, **{"flags": SKIPPABLE, **fields})


def vm(ids, codes, values=b"", **fields):
    content = varint(len(ids)) + ascending(ids) + bytes(codes) + bytes(values)
    return File().set(minor=1).add(b"VM  ", content, **{"flags": SKIPPABLE, **fields})


def vcpu_content(indexes, ids, rest, vcpus=None, registers=None):
    return File(
        ascending(indexes) + ascending(ids) + bytes(rest),
        len(indexes) if vcpus is None else vcpus, len(ids) if registers is None else registers)


def good(dictionary):
    """Name, file, what it holds, and why it is here."""
    raw = frame(block(CONTENT), len(CONTENT))
    named = int.from_bytes(dictionary[4:8], "little")
    entry = "provenance %s = %s\n"
    note = dict(kind=b"NOTE", version=3, flags=SKIPPABLE)
    left_out = dict(flags=SKIPPABLE | COMPRESSED)
    yield "plain", File(), ONE, "no compression, no dictionary"
    yield "no-vcpu", vcpu_content([], [], []), "", "no vCPU, no register"
    yield "no-register", vcpu_content([3, 9], [], [0, 0]), "vcpu 3\nvcpu 9\n", "two vCPUs with no register"
    yield ("index-largest", vcpu_content([0, 2**32 - 1], [X0], [0, 1, 1, 255, 7]),
           "vcpu 0\n6030000000100000 0x7\nvcpu 4294967295\n6030000000100000 0x7\n",
           "the largest vCPU number; sets 0 and 1; code same")
    yield ("step", vcpu_content([0, 1, 2], [X0], [0, 0, 0, 1, 1, 254, 5, 3]),
           "".join(f"vcpu {n}\n6030000000100000 {v}\n" for n, v in enumerate(["0x5", "0x3", "0x1"])),
           "code step, downward")
    yield ("step-wraps", vcpu_content([0, 1, 2], [X0], [0, 0, 0, 1, 0, 254, 1]),
           "".join(f"vcpu {n}\n6030000000100000 {v}\n" for n, v in enumerate(
               ["0x1", "0x0", "0xffffffffffffffff"])), "code step, modulo 2^64")
    yield ("earlier-skips-vcpus", vcpu_content([0, 1, 2], [X0, X1], [0, 2, 2, 0, 1, 1, 255, 255, 255, 4, 6]),
           "vcpu 0\n6030000000100000 0x4\n6030000000100002 0x6\nvcpu 1\n6030000000100002 0x6\n"
           "vcpu 2\n6030000000100000 0x4\n6030000000100002 0x6\n",
           "an earlier value is that of the nearest vCPU that has the register; sets 0 and 2")
    yield ("set-2-full", vcpu_content([0], [X0], [2, 1, 1, 1]), ONE, "set 2 where a writer takes 0")
    yield ("set-1-after-0", vcpu_content([0, 1], [X0], [0, 1, 1, 255, 1]),
           ONE + ONE.replace("vcpu 0", "vcpu 1"), "set 1 where a writer takes 0")
    yield ("code-longer", vcpu_content([0], [X0], [0, 8] + [1] + [0] * 7), ONE, "trailing zeros in part 5")
    yield ("code-not-same", vcpu_content([0, 1], [X0], [0, 0, 1, 1, 1, 1]),
           ONE + ONE.replace("vcpu 0", "vcpu 1"), "a value again where a writer takes same")
    wide = bytes(range(128))
    huge = bytes(range(256))
    yield ("wide", vcpu_content([0], [X0, WIDE, HUGE], [0, 1, 128, 128, 1] + list(wide) + list(huge)),
           ONE + f"{WIDE:x} 0x{int.from_bytes(wide, 'little'):x}\n{HUGE:x} 0x{int.from_bytes(huge, 'little'):x}\n",
           "registers of 128 and 256 bytes, whose codes count in units of 1 and 2")
    sizes = [0x6000000000000000 + (e << 52) for e in range(9)]
    yield ("sizes", vcpu_content([0], sizes, [0] + [1] * 9 + [1] * 10),
           "vcpu 0\n" + "".join(f"{i:x} {'0x1' if i != sizes[8] else '0x101'}\n" for i in sizes),
           "a register of every size, 1 to 256 bytes")
    yield ("id-extremes", vcpu_content([0], [0, 0xFF8FFFFFFFFFFFFF], [0, 1, 0, 1]),
           "vcpu 0\n0000000000000000 0x1\nff8fffffffffffff 0x0\n", "ids that nobody has defined")
    yield "frame-raw", compressed(raw), ONE, "a zstd frame of one raw block"
    yield ("frame-run-length", vcpu_rle(), VCPU_RLE_TEXT,
           "a zstd frame of raw and run-length blocks")
    yield ("frame-checksum", compressed(frame(block(CONTENT), len(CONTENT), checksum=xxh64(CONTENT))), ONE,
           "a frame with zstd's own checksum")
    yield ("frame-window", compressed(frame(block(CONTENT), len(CONTENT), single=False, window=0x38)), ONE,
           "a window of 128 KiB, declared instead of a single segment")
    yield ("frame-window-1k", compressed(frame(block(CONTENT), len(CONTENT), single=False, window=0)), ONE,
           "a window of 1 KiB, which is not below the content")
    yield ("frame-window-2g", compressed(frame(block(CONTENT), len(CONTENT), single=False, window=0xA8)), ONE,
           "a window of 2 GiB for 13 bytes: nobody needs to allocate it")
    yield ("frame-dictionary-0", compressed(frame(block(CONTENT), len(CONTENT), dictionary=0)), ONE,
           "a frame that says it has no dictionary")
    yield ("frame-dictionary-named",
           with_dictionary(compressed(frame(block(CONTENT), len(CONTENT), dictionary=named)), dictionary), ONE,
           "a frame that names the header's dictionary")
    yield ("frame-dictionary", with_dictionary(compressed(raw), dictionary), ONE,
           "a frame that does not name the header's dictionary")
    yield "dictionary-unused", with_dictionary(File(), dictionary), ONE, "a dictionary that no chunk needs"
    yield ("provenance", provenance(("tool", "t 1"), ("é", "ü"), ("x-own", "")),
           entry % ("tool", "t 1") + entry % ("é", "ü") + entry % ("x-own", "") + ONE, "three entries")
    yield "provenance-empty", provenance(), ONE, "PROV without pairs"
    yield ("provenance-critical", provenance(("tool", "t"), flags=0), entry % ("tool", "t") + ONE,
           "PROV that is not skippable")
    yield ("provenance-last", File().add(b"PROV", pairs(("tool", "t")), flags=SKIPPABLE),
           entry % ("tool", "t") + ONE, "PROV behind VCPU")
    for name, one, two in (("composed", "\u00e9", "e\u0301"), ("angstrom", "\u00c5", "\u212b"),
                           ("order", "a\u0323\u0307", "a\u0307\u0323")):
        yield (f"provenance-keys-{name}", provenance((one, "1"), (two, "2")),
               entry % (one, "1") + entry % (two, "2") + ONE, "keys that Unicode calls equivalent are two keys")
    yield ("provenance-controls", provenance(("k", "\u009b31m\u202e\u2028")),
           entry % ("k", "\u009b31m\u202e\u2028") + ONE, "text that no program may print raw")
    yield ("provenance-malformed-values", provenance(("midr", "?"), ("counter-frequency", "-1"), ("time", "")),
           entry % ("midr", "?") + entry % ("counter-frequency", "-1") + entry % ("time", "") + ONE,
           "known keys with values of no known form")
    file = File()
    file.chunks[0]["flags"] = SKIPPABLE
    yield "vcpu-skippable", file, ONE, "VCPU that is skippable is read all the same"
    yield "unknown-chunks", File().add(**note).add(first=True, **note), ONE, "the same unknown chunk twice"
    yield ("unknown-kind-unprintable", File().add(b"\x1b[2J", flags=SKIPPABLE), ONE,
           "a kind that is no text is an unknown kind")
    yield ("unknown-garbage", File().add(b"NOTE", b"no frame", size=5, **left_out), ONE,
           "of a chunk that is left out nobody looks at the frame")
    yield ("unknown-two-frames", File().add(b"NOTE", raw + raw, size=13, **left_out), ONE, "the same")
    yield "unknown-no-bytes", File().add(b"NOTE", b"", size=9, **left_out), ONE, "the same"
    yield ("version-2-too", File().add(b"VCPU", b"\1", version=2, flags=SKIPPABLE), ONE,
           "a later version of VCPU beside the one that is known")
    yield ("provenance-version-2-twice",
           File().add(b"PROV", version=2, flags=SKIPPABLE).add(b"PROV", version=2, flags=SKIPPABLE), ONE,
           "what is left out may stand twice")
    yield ("end-version-2-first", File().add(b"END ", version=2, flags=SKIPPABLE, first=True), ONE,
           "a later version of END that is left out is no end")
    of_vm = ONE + f"vm\n{VM_ID:x} 0x2\n{VM_ID + 1:x} 0x300\n"
    yield "vm", vm([VM_ID, VM_ID + 1], [1, 2], [2, 0, 3]), of_vm, "the VM's own state: two registers"
    yield "vm-empty", vm([], []), ONE, "VM without registers"
    yield ("vm-critical", vm([VM_ID, VM_ID + 1], [1, 2], [2, 0, 3], flags=0), of_vm, "VM that is not skippable")
    yield ("vm-first", vm([VM_ID, VM_ID + 1], [1, 2], [2, 0, 3], first=True), of_vm, "VM before VCPU")
    yield ("vm-minor-0", vm([VM_ID, VM_ID + 1], [1, 2], [2, 0, 3]).set(minor=0), of_vm,
           "VM is read whatever the minor version")
    yield ("vm-same-id", vm([X0], [1], [9]), ONE + f"vm\n{X0:x} 0x9\n", "the VM and a vCPU may have the same id")
    yield ("vm-version-2", File().add(b"VM  ", b"\1", version=2, flags=SKIPPABLE), ONE,
           "a later version of VM is left out")
    file = File().set(minor=7, compatible=1 << 31)
    file.extension = bytes(range(8))
    yield "minor-7", file, ONE, "a later minor version: longer header, compatible feature"
    file = File()
    file.extension = bytes(4040)
    yield "header-largest", file, ONE, "a header of 4096 bytes, minor version 0"


VCPU_RLE_IDS = [X0, WIDE]
VCPU_RLE_TEXT = f"vcpu 0\n6030000000100000 0x1\n{WIDE:x} 0x{'07' * 128}\n"


def vcpu_rle():
    head = ascending([0]) + ascending(VCPU_RLE_IDS) + bytes([0, 1, 128, 1])
    file = compressed(
        frame(block(head, last=False) + block(b"\7", repeat=128), len(head) + 128), len(head) + 128)
    file.registers = 2
    return file


def bad_files(dictionary):
    """In the file as a whole: name, file, the rule it breaks."""
    yield "empty", b"", "no bytes"
    yield "magic", File().set(magic=b"\xf6vCS\n\x1a\n\0"), "another magic"
    yield "magic-7-bit", File().set(magic=bytes(b & 0x7F for b in MAGIC)), "a transfer cleared bit 7"
    yield "major-0", File().set(major=0), "another major version"
    yield "major-2", File().set(major=2), "another major version"
    yield "header-55", File().set(header=55), "a header size below 56"
    file = File().set(header=4097)
    file.extension = bytes(4041)
    yield "header-4097", file, "a header size above its limit"
    yield "header-checksum", File().set(checksum=1), "a wrong header checksum"
    file = File()
    file.extension = b"\0" * 8
    damaged = bytearray(file.bytes())
    damaged[55] ^= 1
    yield "header-extension-damaged", bytes(damaged), "the checksum covers what a longer header has"
    yield "incompatible", File().set(incompatible=1 << 31), "an incompatible feature"
    yield "chunks-257", File().set(chunks=257), "a count above its limit"
    yield "file-size-limit", File().set(file=(64 << 20) + 1), "a size above its limit"
    yield "content-size-limit", File().set(content=(64 << 20) + 1), "a size above its limit"
    yield "largest-above-content", File().set(largest=46), "largest content above content size"
    yield "vcpus-4097", File().set(vcpus=4097), "a count above its limit"
    yield "registers-4097", File().set(registers=4097), "a count above its limit"
    yield "cells", File().set(vcpus=4096, registers=513), "vCPUs times register ids above 2^21"
    yield "dictionary-unknown", File().set(dictionary=77), "an unknown dictionary"
    yield "dictionary-digest", with_dictionary(File(), dictionary).set(digest=bytes(8)), "another digest"
    yield "dictionary-0-digest", File().set(digest=b"\1" + bytes(7)), "a digest without a dictionary"
    yield "cut-in-header", File().bytes()[:30], "input that ends early"
    yield "cut-behind-header", File().bytes()[:56], "input that ends early"
    yield "cut-in-chunk", File().bytes()[:80], "input that ends early"
    yield "cut-before-end", File().bytes()[:-52], "input that ends early"
    yield "cut-by-1", File().bytes()[:-1], "input that ends early"
    yield "goes-on", File().bytes() + b"\0", "input that goes on"
    yield "twice", File().bytes() * 2, "input that goes on"
    yield "file-size-1-more", File().set(file=142), "file size that is not what the chunks add up to"
    yield "content-size-1-more", File().set(content=46), "content size that is not what the chunks add up to"
    yield "largest-1-more", File().set(largest=33), "largest content that is not what the chunks add up to"
    file = File()
    file.chunks = []
    yield "no-vcpu-chunk", file, "no VCPU chunk"
    file = File()
    file.has_end = False
    yield "no-end", file, "no END chunk"
    yield "chunks-1-more", File().set(chunks=3), "fewer chunks than the header says"
    yield "chunks-1-less", File().set(chunks=1), "more chunks than the header says"


def changed(**fields):
    file = File()
    file.chunks[0].update(fields)
    return file


def ended(**fields):
    file = File()
    file.end = fields
    return file


def bad_chunks(dictionary):
    """In a chunk."""
    raw = frame(block(CONTENT), len(CONTENT))
    size = len(CONTENT)
    named = int.from_bytes(dictionary[4:8], "little")
    yield "stored-too-large", changed(stored=1000), "a stored size that does not fit the file"
    yield "content-above-largest", changed(size=14).set(largest=13), "a content size above largest content"
    yield "chunk-checksum", changed(checksum=1), "a wrong checksum"
    yield "flag-2", changed(flags=4), "an undefined flag"
    yield "flag-2-unknown", File().add(b"NOTE", flags=SKIPPABLE | 4), "an undefined flag, of a chunk left out too"
    yield "sizes-differ", changed(size=14), "sizes that differ without compression"
    yield ("sizes-differ-unknown", File().add(b"NOTE", b"12", size=3, flags=SKIPPABLE),
           "sizes that differ without compression, of a chunk left out too")
    yield ("checksum-unknown", File().add(b"NOTE", b"12", flags=SKIPPABLE, checksum=1),
           "a wrong checksum, of a chunk left out too")
    yield "critical-unknown", File().add(b"NOTE"), "an unknown critical kind"
    yield "critical-version", File().add(b"PROV", version=2), "an unknown version of a critical chunk"
    yield "vcpu-version-2", changed(version=2), "VCPU of an unknown version"
    yield "vcpu-version-2-left-out", changed(version=2, flags=SKIPPABLE), "VCPU left out, and no other"
    yield "vcpu-twice", File().add(b"VCPU", CONTENT), "VCPU for the second time"
    yield "vm-twice", vm([], []).add(b"VM  ", b"\0", flags=SKIPPABLE), "VM for the second time"
    yield "vm-version-2-critical", File().add(b"VM  ", version=2), "an unknown version of a critical chunk"
    yield ("provenance-twice", provenance().add(b"PROV", flags=SKIPPABLE), "PROV for the second time")
    yield ("end-not-last", File().add(b"END ", bytes(32)), "END before the last place")
    yield "end-flags", ended(flags=SKIPPABLE), "END with flags"
    yield "end-31-bytes", ended(content=bytes(31)).set(file=140, content=44, largest=31), "END with other than 32 bytes"
    yield "end-digest", ended(content=bytes(32)), "another digest"
    yield "frame-none", compressed(CONTENT), "stored bytes that are no frame"
    yield "frame-empty", compressed(b"").set(content=45), "no stored bytes"
    yield "frame-skippable", compressed(bytes.fromhex("502a4d1800000000"), 0).set(content=32), "a skippable frame"
    yield "frame-twice", compressed(raw + raw), "two frames"
    yield "frame-and-a-byte", compressed(raw + b"\0"), "a frame and one byte more"
    yield "frame-cut", compressed(raw[:-1]), "a frame that ends early"
    yield "frame-no-size", compressed(
        frame(block(CONTENT), size, single=False, window=0x38, declares=False)), "no declared size"
    yield "frame-other-size", compressed(frame(block(CONTENT), size + 1)), "a declared size that is not the chunk's"
    yield "frame-holds-less", compressed(frame(block(CONTENT[:-1]), size)), "less content than declared"
    yield "frame-holds-more", compressed(frame(block(CONTENT + b"\0"), size)), "more content than declared"
    yield "frame-checksum-wrong", compressed(
        frame(block(CONTENT), size, checksum=xxh64(CONTENT) ^ 1)), "zstd's own checksum, wrong"
    long = ascending([0]) + ascending([HUGE] + [HUGE + n for n in range(1, 9)]) + bytes([0] + [128] * 9 + [1] * 2304)
    file = compressed(frame(block(long), len(long), single=False, window=0), len(long))
    file.registers = 9
    yield "frame-window-small", file, "a window below the content and below 128 KiB"
    yield "frame-window-4g", compressed(
        frame(block(CONTENT), size, single=False, window=0xB0)), "a window of 4 GiB"
    yield "frame-dictionary-other", with_dictionary(
        compressed(frame(block(CONTENT), size, dictionary=named + 1)), dictionary), "a frame with another dictionary"
    yield "frame-dictionary-unnamed", compressed(
        frame(block(CONTENT), size, dictionary=named)), "a frame with a dictionary, the header with none"


def bad_contents(_):
    """In contents."""
    x0 = ascending([X0])
    yield "vcpu-empty", File(b""), "content that ends early"
    yield "vm-empty-content", File().set(minor=1).add(b"VM  ", flags=SKIPPABLE), "content that ends early"
    yield "vm-cut", vm([VM_ID], [2], [1]), "content that ends early"
    yield "vm-left-over", vm([VM_ID], [1], [1, 0]), "bytes left over"
    yield "vm-same", vm([VM_ID], [255]), "same in VM"
    yield "vm-step", vm([VM_ID, VM_ID + 1, VM_ID + 2], [1, 1, 254], [1, 2]), "step in VM"
    yield "vm-code-9", vm([VM_ID], [9], bytes(9)), "more bytes than the register has"
    yield "vm-id-size-9", vm([VM_ID | 9 << 52], [0]), "a register id of undefined size"
    yield ("vm-registers-16385", File().set(minor=1).add(b"VM  ", varint(16385), flags=SKIPPABLE),
           "a count above its limit")
    yield "vcpu-cut", File(CONTENT[:-1]), "content that ends early"
    yield "vcpu-left-over", File(CONTENT + b"\0"), "bytes left over"
    yield "varint-long", File(b"\x80\0" + x0 + bytes([0, 1, 1])), "a varint longer than needed"
    yield "varint-65-bits", File(b"\0" + b"\xff" * 9 + b"\2" + bytes([0, 0])), "a varint above 64 bits"
    yield "varint-11-bytes", File(b"\0" + b"\x80" * 10 + b"\1" + bytes([0, 0])), "a varint of 11 bytes"
    yield "list-65-bits", File(b"\0" + b"\xff" * 9 + b"\1\0" + bytes([0, 0, 0]), 1, 2), "a list above 64 bits"
    yield "index-33-bits", vcpu_content([1 << 32], [X0], [0, 1, 1]), "a vCPU index above 32 bits"
    yield "id-size-9", vcpu_content([0], [0x6090000000000001], [0, 0]), "a register id of undefined size"
    yield "id-size-15", vcpu_content([0], [0x60F0000000000001], [0, 0]), "a register id of undefined size"
    yield "set-3", vcpu_content([0], [X0], [3, 1, 1]), "a set selector above 2"
    yield "set-1-first", vcpu_content([0], [X0], [1, 1, 1]), "set selector 1 for the first vCPU"
    yield "set-bit-beyond", vcpu_content([0], [X0], [2, 3, 1, 1]), "a bitmap bit beyond the table"
    yield "set-none", vcpu_content([0], [X0], [2, 0]), "an id of no vCPU"
    yield "set-no-vcpu", vcpu_content([], [X0], []), "an id of no vCPU"
    yield "code-9", vcpu_content([0], [X0], [0, 9] + [1] * 9), "more bytes than the register has"
    for code in (129, 253):
        yield f"code-{code}", vcpu_content([0], [X0], [0, code] + [1] * 8), "a code that is not defined"
    yield "code-65-of-128", vcpu_content([0], [WIDE + (1 << 52)], [0, 129] + [1] * 258), "the same, 256 bytes"
    yield "same-first", vcpu_content([0], [X0], [0, 255]), "same without an earlier value"
    yield "step-second", vcpu_content([0, 1], [X0], [0, 0, 1, 254, 1]), "step without two earlier values"
    yield ("step-wide", vcpu_content([0, 1, 2], [V0], [0, 0, 0, 1, 1, 254, 1, 2]), "step of 16 bytes")
    values = ascending(range(4096)) + ascending(HUGE + n for n in range(512)) + bytes(4096)
    file = vcpu_zeros(values, 4096 * 512)
    yield "values-limit", file, "512 MiB of values in 4 kB"
    yield "key-empty", provenance(("", "a")), "an empty key"
    yield "key-twice", provenance(("a", ""), ("a", "")), "a key twice"
    for name, value in (("newline", "\n"), ("escape", "\x1b[m"), ("nul", "\0"), ("delete", "\x7f")):
        yield f"value-{name}", provenance(("a", value)), "a byte below 0x20, or 0x7F"
    yield "key-tab", provenance(("a\t", "")), "a byte below 0x20 in a key"
    yield "value-overlong", provenance(("a", b"\xc0\xaf")), "UTF-8 in an overlong form"
    yield "value-surrogate", provenance(("a", b"\xed\xa0\x80")), "a surrogate"
    yield "value-not-utf8", provenance(("a", b"\xff")), "bytes that are not UTF-8"
    yield "value-4097", provenance(("a", "b" * 4097)), "a text above its limit"
    yield "pairs-1025", provenance(*((str(n), "") for n in range(1025))), "more pairs than the limit"
    yield "value-missing", File().add(b"PROV", text("a"), flags=SKIPPABLE), "content that ends early"
    yield "value-cut", File().add(b"PROV", text("a") + b"\2b", flags=SKIPPABLE), "content that ends early"


def vcpu_zeros(head, zeros):
    blocks = block(head, last=False)
    size = len(head) + zeros
    while zeros:
        count = min(zeros, 128 << 10)
        zeros -= count
        blocks += block(b"\0", repeat=count, last=not zeros)
    file = compressed(frame(blocks, size), size)
    file.vcpus, file.registers = 4096, 512
    return file


README = """# Test vectors of the snapshot format

Made by `Scripts/generate` from `Formats/vcpusnap-v1.md` alone, without the program or a zstd library. A reader of
the format accepts every file in `good` and finds in it what the text file beside it says, and refuses every file in
`bad`. The text: `provenance KEY = VALUE`, `vcpu INDEX` or `vm`, then `ID VALUE` in hexadecimal.

| accept | why |
|---|---|
"""


def files(dictionary):
    """Every file below Formats/vectors/vcpusnap-v1: its path there and its bytes."""
    result, readme = {}, README
    for name, file, held, why in good(dictionary):
        result[f"good/{name}.vcpusnap"] = file.bytes()
        result[f"good/{name}.txt"] = held.encode()
        readme += f"| {name} | {why} |\n"
    readme += "\n| refuse | the rule it breaks |\n|---|---|\n"
    for section in (bad_files, bad_chunks, bad_contents):
        for name, file, why in section(dictionary):
            result[f"bad/{name}.vcpusnap"] = file if isinstance(file, bytes) else file.bytes()
            readme += f"| {name} | {why} |\n"
    result["README.md"] = readme.encode()
    return result
