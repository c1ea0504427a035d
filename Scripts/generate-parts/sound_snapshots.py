"""Snapshot files that a reader must accept: name, file, what it holds as text, and why it is here."""

import itertools

from snapshot_file import (
    BLOCK, COMPRESSED, CONTENT, HUGE, MAGIC, MASK64, MIB, MP_STATE, ONE, PC, RUN, SAME, SKIPPABLE, STEP, V0, VM_ID, WIDE, X0,
    X1, File, ascending, block, compressed, copied, copied_from_far, frame, from_dictionary, held, long_run, many, of_size,
    pairs, provenance, varint, vcpu_content, vm, with_dictionary, xxh64, zeros)

NOTE = dict(kind=b"NOTE", version=3, flags=SKIPPABLE)
LEFT_OUT = dict(flags=SKIPPABLE | COMPRESSED)
SIZES = [of_size(exponent) for exponent in range(9)]


def files(dictionary):
    yield from headers(dictionary)
    yield from chunks()
    yield from chunks_left_out()
    yield from provenances()
    yield from vcpus()
    yield from sets()
    yield from codes()
    yield from vms()
    yield from frames(dictionary)
    yield from frame_edges()
    yield from largest()


def headers(dictionary):
    yield "plain", File(), ONE, "no compression, no dictionary"
    yield "dictionary-unused", with_dictionary(File(), dictionary), ONE, "a dictionary that no chunk needs"
    yield ("minor-7", File().set(minor=7, compatible=1 << 31).change(extension=bytes(range(8))), ONE,
           "a later minor version: longer header, compatible feature")
    yield "minor-65535", File().set(minor=65535), ONE, "the largest minor version"
    yield "compatible-all", File().set(compatible=2**32 - 1), ONE, "every compatible feature, minor version 0"
    yield "compatible-1", File().set(compatible=1), ONE, "the first compatible feature"
    yield "header-57", File().change(extension=b"\xff"), ONE, "a header of 57 bytes"
    yield "header-largest", File().change(extension=bytes(4040)), ONE, "a header of 4096 bytes, minor version 0"
    yield "header-like-magic", File().change(extension=MAGIC), ONE, "what a longer header has is skipped"


def chunks():
    yield "vcpu-skippable", File(flags=SKIPPABLE), ONE, "VCPU that is skippable is read all the same"
    state = {b"PROV": pairs(("tool", "t")), b"VM  ": varint(1) + ascending([VM_ID]) + b"\1\2", b"VCPU": CONTENT}
    for order in itertools.permutations(state):
        file = File().set(minor=1)
        file.chunks = []
        for kind in order:
            file.add(kind, state[kind], flags=0 if kind == b"VCPU" else SKIPPABLE)
        yield ("order-" + "-".join(kind.decode().strip().lower() for kind in order), file,
               held(provenance=[("tool", "t")], vm=[(VM_ID, 2)]), "chunks of known kinds stand in any order")
    file = File()
    file.chunks += [dict(kind=b"NOTE", content=b"", flags=SKIPPABLE) for _ in range(254)]
    yield "chunks-256", file, ONE, "the most chunks"


def chunks_left_out():
    raw = frame(block(CONTENT), len(CONTENT))
    yield "unknown-chunks", File().add(**NOTE).add(first=True, **NOTE), ONE, "the same unknown chunk twice"
    yield "unknown-largest", File().add(b"NOTE", bytes(100), flags=SKIPPABLE), ONE, "largest content is of a chunk left out"
    for name, kind in (("unprintable", b"\x1b[2J"), ("private", b"xown"), ("lower-case", b"vcpu"), ("end-0", b"END\0"),
                       ("not-ascii", b"\xc3\xbcab"), ("zero", bytes(4)), ("prov-shifted", b" PRO")):
        yield (f"unknown-kind-{name}", File().add(kind, flags=SKIPPABLE), ONE, "a kind that nobody knows is left out")
    yield ("unknown-garbage", File().add(b"NOTE", b"no frame", size=5, **LEFT_OUT), ONE,
           "of a chunk that is left out nobody looks at the frame")
    yield ("unknown-two-frames", File().add(b"NOTE", raw + raw, size=13, **LEFT_OUT), ONE, "the same")
    yield "unknown-no-bytes", File().add(b"NOTE", b"", size=9, **LEFT_OUT), ONE, "the same"
    yield "unknown-no-content", File().add(b"NOTE", b"stored", size=0, **LEFT_OUT), ONE, "the same"
    yield "unknown-other-size", File().add(b"NOTE", raw, size=14, **LEFT_OUT), ONE, "the same"
    yield ("content-size-largest", File().add(b"NOTE", b"", size=64 * MIB - 45, **LEFT_OUT), ONE,
           "a content size of 64 MiB, of which nothing has to be decompressed")
    yield ("version-2-too", File().add(b"VCPU", b"\1", version=2, flags=SKIPPABLE), ONE,
           "a later version of VCPU beside the one that is known")
    yield ("version-2-before", File().add(b"VCPU", b"\1", version=2, flags=SKIPPABLE, first=True), ONE, "the same, before it")
    yield "version-0-too", File().add(b"VCPU", b"\1", version=0, flags=SKIPPABLE), ONE, "version 0 is unknown too"
    yield "version-65535", File().add(b"PROV", b"\1", version=65535, flags=SKIPPABLE), ONE, "the largest version"
    yield ("provenance-version-2-twice",
           File().add(b"PROV", version=2, flags=SKIPPABLE).add(b"PROV", version=2, flags=SKIPPABLE), ONE,
           "what is left out may stand twice")
    yield ("provenance-version-2-too", provenance(("tool", "t")).add(b"PROV", b"\1", version=2, flags=SKIPPABLE),
           held(provenance=[("tool", "t")]), "a later version of PROV does not stand for the one that is known")
    yield ("end-version-2-first", File().add(b"END ", version=2, flags=SKIPPABLE, first=True), ONE,
           "a later version of END that is left out is no end")


def texts(name, entries, why):
    return name, provenance(*entries), held(provenance=entries), why


def provenances():
    yield texts("provenance", [("tool", "t 1"), ("é", "ü"), ("x-own", "")], "three entries")
    yield "provenance-empty", provenance(), ONE, "PROV without pairs"
    yield ("provenance-critical", provenance(("tool", "t"), flags=0), held(provenance=[("tool", "t")]),
           "PROV that is not skippable")
    yield ("provenance-last", File().add(b"PROV", pairs(("tool", "t")), flags=SKIPPABLE), held(provenance=[("tool", "t")]),
           "PROV behind VCPU")
    for name, one, two in (("composed", "\u00e9", "e\u0301"), ("angstrom", "\u00c5", "\u212b"),
                           ("order", "a\u0323\u0307", "a\u0307\u0323"), ("hangul", "\uac00", "\u1100\u1161")):
        yield texts(f"provenance-keys-{name}", [(one, "1"), (two, "2")], "keys that Unicode calls equivalent are two keys")
    yield texts("provenance-keys-case", [("a", "1"), ("A", "2"), ("a ", "3"), (" a", "4")],
                "keys that differ in case or spaces")
    yield texts("provenance-order", [("z", "1"), ("a", "2"), ("m", "1")], "the order is kept; values may be the same")
    yield ("provenance-controls", provenance(("k", "\u009b31m\u202e\u2028")),
           held(provenance=[("k", "\\u{9b}31m\\u{202e}\\u{2028}")]), "text that no program may print raw")
    yield ("provenance-escaped", provenance(("a = b\\", "c = d\\u{9b}")),
           held(provenance=[("a \\u{3d} b\\u{5c}", "c = d\\u{5c}u{9b}")]), "characters that this text form escapes")
    yield texts("provenance-edges",
                [(" ", "~"), ("~", " "), ("\ufeff", "\uffff"), ("\U00010000", "\U0010ffff"), ("\ud7ff", "\ue000")],
                "the first and last characters that are allowed, of every length in UTF-8")
    yield texts("provenance-malformed-values", [
        ("midr", "?"), ("counter-frequency", "-1"), ("time", "")], "known keys with values of no known form")
    yield texts("provenance-malformed-names",
                [("writable-mask.0", "x"), ("exit-reason.a", "?"), ("capability.", "1"), ("feature.", "")],
                "known keys with names of no known form")
    yield texts("provenance-4096", [("k" * 4096, "v" * 4096)], "the longest key and value")
    yield texts("provenance-4096-bytes", [("é" * 2048, "\U0001f600" * 1024)], "the same in characters of two and four bytes")
    yield texts("provenance-128", [("k" * 127, "v" * 128)], "lengths in one byte and in two")
    yield texts("provenance-1024", [(str(n), "") for n in range(1024)], "the most pairs")


def one_value(name, register, code, data, why):
    return (name, vcpu_content([0], [register], [0, code, *data]), held([(0, [(register, int.from_bytes(data, "little"))])]),
            why)


def vcpus():
    yield "no-vcpu", vcpu_content([], [], []), held([]), "no vCPU, no register"
    yield "no-register", vcpu_content([3, 9], [], [0, 0]), held([(3, []), (9, [])]), "two vCPUs with no register"
    yield ("index-largest", vcpu_content([0, 2**32 - 1], [X0], [0, 1, 1, SAME, 7]),
           held([(0, [(X0, 7)]), (2**32 - 1, [(X0, 7)])]), "the largest vCPU number; sets 0 and 1; code same")
    yield ("index-first-largest", vcpu_content([2**32 - 1], [X0], [0, 1, 1]), held([(2**32 - 1, [(X0, 1)])]),
           "the largest number alone")
    yield ("index-gaps", vcpu_content([1, 128, 16384], [X0], [0, 0, 0, 1, 1, 1, 1, 2, 9]),
           held([(1, [(X0, 1)]), (128, [(X0, 2)]), (16384, [(X0, 9)])]), "numbers that need one, one and two bytes")
    yield ("sizes", vcpu_content([0], SIZES, [0] + [1] * 9 + [1] * 10),
           held([(0, [(i, 1 if i != SIZES[8] else 0x101) for i in SIZES])]), "a register of every size, 1 to 256 bytes")
    yield ("id-extremes", vcpu_content([0], [0, 0xFF8FFFFFFFFFFFFF], [0, 1, 0, 1]),
           held([(0, [(0, 1), (0xFF8FFFFFFFFFFFFF, 0)])]), "ids that nobody has defined")
    yield ("ids-adjacent", vcpu_content([0], [X0, X0 + 1, X0 + 2], [0, 0, 0, 0]),
           held([(0, [(X0, 0), (X0 + 1, 0), (X0 + 2, 0)])]), "differences of one, which are written as 0")
    yield ("own-ids", vcpu_content([0], [X0, PC, MP_STATE], [0, 2, 8, 0, 0x34, 0x12, 0, 0, 1, 0x80, 0, 0x80, 255, 255]),
           held([(0, [(X0, 0x1234), (PC, 0xFFFF800080010000), (MP_STATE, 0)])]),
           "the example of section 15, without dictionary")
    yield ("vm-ids-in-vcpu", vcpu_content([0], [VM_ID], [0, 1, 5]), held([(0, [(VM_ID, 5)])]),
           "an id of the VM is an id like any other")


def sets():
    two = held([(0, [(X0, 1)]), (1, [(X0, 1)])])
    yield "set-2-full", vcpu_content([0], [X0], [2, 1, 1, 1]), ONE, "set 2 where a writer takes 0"
    yield "set-1-after-0", vcpu_content([0, 1], [X0], [0, 1, 1, SAME, 1]), two, "set 1 where a writer takes 0"
    yield "set-0-after-0", vcpu_content([0, 1], [X0], [0, 0, 1, SAME, 1]), two, "set 0 twice"
    yield ("set-1-after-2", vcpu_content([0, 1, 2], [X0, X1], [2, 1, 1, 0, 1, SAME, SAME, 1, 1, 3]),
           held([(0, [(X0, 1)]), (1, [(X0, 1)]), (2, [(X0, 1), (X1, 3)])]), "set 1 is that of the vCPU before")
    yield ("set-2-after-2", vcpu_content([0, 1], [X0, X1], [2, 1, 2, 2, 1, 1, 4, 5]),
           held([(0, [(X0, 4)]), (1, [(X1, 5)])]), "bitmaps that do not overlap")
    yield ("set-2-empty", vcpu_content([0, 1], [X0], [0, 2, 0, 1, 1]), held([(0, [(X0, 1)]), (1, [])]),
           "a vCPU without registers")
    yield ("set-2-of-none", vcpu_content([0, 1], [], [2, 1]), held([(0, []), (1, [])]), "a bitmap of no bytes")
    ids = [X0 + n for n in range(9)]
    yield ("set-2-of-8", vcpu_content([0], ids[:8], [2, 255] + [0] * 8), held([(0, [(i, 0) for i in ids[:8]])]),
           "a bitmap that fills its byte")
    yield ("set-2-of-9", vcpu_content([0, 1], ids, [0, 2, 0x81, 1] + [0] * 9 + [1] * 3 + [7, 8, 9]),
           held([(0, [(i, 0) for i in ids]), (1, [(ids[0], 7), (ids[7], 8), (ids[8], 9)])]), "bit k mod 8 of byte k / 8")
    yield ("earlier-skips-vcpus", vcpu_content([0, 1, 2], [X0, X1], [0, 2, 2, 0, 1, 1, SAME, SAME, SAME, 4, 6]),
           held([(0, [(X0, 4), (X1, 6)]), (1, [(X1, 6)]), (2, [(X0, 4), (X1, 6)])]),
           "an earlier value is that of the nearest vCPU that has the register; sets 0 and 2")


def run_of(name, register, codes, values, why):
    """A register on as many vCPUs as `codes`."""
    numbers = range(len(codes))
    sizes = [2 ** (register >> 52 & 15)] * len(codes)
    data = b"".join(v.to_bytes(s, "little")[:c] for v, s, c in zip(values, sizes, codes) if c < SAME - 1)
    return (name, vcpu_content(numbers, [register], [0] * len(codes) + [*codes, *data]),
            held([(n, [(register, v)]) for n, v in zip(numbers, values)]), why)


def codes():
    yield run_of("step", X0, [1, 1, STEP], [5, 3, 1], "code step, downward")
    yield run_of("step-wraps", X0, [1, 0, STEP], [1, 0, MASK64], "code step, modulo 2^64")
    yield run_of("step-step", X0, [1, 1, STEP, STEP], [1, 3, 5, 7], "step after step")
    yield run_of("step-same", X0, [1, SAME, STEP, 1, STEP], [4, 4, 4, 9, 14], "step after same")
    yield run_of("same-zero", X0, [0, SAME, SAME], [0, 0, 0], "same as a value of no bytes")
    yield run_of("explicit-step", X0, [1, 1, 1], [1, 2, 3], "a value again where a writer takes step")
    for exponent in range(4):
        size = 1 << exponent
        yield run_of(f"step-{size}-bytes", of_size(exponent), [size, size, STEP, STEP],
                     [256**size - 2, 256**size - 1, 0, 1], f"code step, modulo 2^{8 * size}")
    for exponent in range(4, 9):
        yield run_of(f"same-{1 << exponent}-bytes", of_size(exponent), [0, SAME], [0, 0], "same has no largest size")
    yield ("step-skips-vcpus", vcpu_content([0, 1, 2, 3], [X0, X1], [0, 2, 2, 0, 0, 1, 0, 0, 1, 0, STEP, 0, 7, 9]),
           held([(0, [(X0, 7), (X1, 0)]), (1, [(X1, 0)]), (2, [(X0, 9), (X1, 0)]), (3, [(X0, 11), (X1, 0)])]),
           "step by the two nearest vCPUs that have the register")
    yield ("code-longer", vcpu_content([0], [X0], [0, 8] + [1] + [0] * 7), ONE, "trailing zeros in part 5")
    yield ("code-not-same", vcpu_content([0, 1], [X0], [0, 0, 1, 1, 1, 1]), held([(0, [(X0, 1)]), (1, [(X0, 1)])]),
           "a value again where a writer takes same")
    wide, huge = bytes(range(128)), bytes(range(256))
    yield ("wide", vcpu_content([0], [X0, WIDE, HUGE], [0, 1, 128, 128, 1, *wide, *huge]),
           held([(0, [(X0, 1), (WIDE, int.from_bytes(wide, "little")), (HUGE, int.from_bytes(huge, "little"))])]),
           "registers of 128 and 256 bytes, whose codes count in units of 1 and 2")
    for exponent, register in enumerate(SIZES):
        size = 1 << exponent
        yield one_value(f"code-all-of-{size}", register, min(size, 128), bytes([255] * size), "the largest code of the size")
        yield one_value(f"code-0-of-{size}", register, 0, b"", "code 0")
    yield one_value("code-1-of-256-bytes", HUGE, 1, b"\1\2", "a unit of two bytes")
    yield one_value("code-127-of-256-bytes", HUGE, 127, b"\3" * 254, "the same")
    yield one_value("code-127-of-128-bytes", WIDE, 127, b"\3" * 127, "a unit of one byte")
    yield ("column-major", vcpu_content([0, 1], [X0, X1], [0, 0, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4]),
           held([(0, [(X0, 1), (X1, 0x303)]), (1, [(X0, 0x202), (X1, 4)])]), "codes by vCPU, values by id")


def vms():
    state = [(VM_ID, 2), (VM_ID + 1, 0x300)]
    of_vm = held(vm=state)
    yield "vm", vm([VM_ID, VM_ID + 1], [1, 2], [2, 0, 3]), of_vm, "the VM's own state: two registers"
    yield "vm-empty", vm([], []), ONE, "VM without registers"
    yield ("vm-critical", vm([VM_ID, VM_ID + 1], [1, 2], [2, 0, 3], flags=0), of_vm, "VM that is not skippable")
    yield ("vm-first", vm([VM_ID, VM_ID + 1], [1, 2], [2, 0, 3], first=True), of_vm, "VM before VCPU")
    yield ("vm-minor-0", vm([VM_ID, VM_ID + 1], [1, 2], [2, 0, 3]).set(minor=0), of_vm,
           "VM is read whatever the minor version")
    yield ("vm-same-id", vm([X0], [1], [9]), held(vm=[(X0, 9)]), "the VM and a vCPU may have the same id")
    yield ("vm-version-2", File().add(b"VM  ", b"\1", version=2, flags=SKIPPABLE), ONE,
           "a later version of VM is left out")
    yield ("vm-sizes", vm(SIZES, [1] * 9, [1] * 10), held(vm=[(i, 1 if i != SIZES[8] else 0x101) for i in SIZES]),
           "a register of every size")
    yield ("vm-longer", vm([VM_ID], [8], [1] + [0] * 7), held(vm=[(VM_ID, 1)]), "trailing zeros")
    yield ("vm-id-largest", vm([0, 0xFF8FFFFFFFFFFFFF], [0, 0]), held(vm=[(0, 0), (0xFF8FFFFFFFFFFFFF, 0)]),
           "the first and last id")
    file = vm([VM_ID], [1], [7])
    file.chunks, file.vcpus, file.registers = [dict(kind=b"VCPU", content=b""), file.chunks[1]], 0, 0
    yield "vm-alone", file, held([], vm=[(VM_ID, 7)]), "a VM without vCPUs"
    yield ("vm-not-counted", vm([VM_ID + n for n in range(3)], [0] * 3), held(vm=[(VM_ID + n, 0) for n in range(3)]),
           "the header does not count the VM's registers")
    ids = [VM_ID + n for n in range(16384)]
    content = varint(16384) + ascending(ids)
    blocks = block(content[:12], False) + zeros(len(content) - 12 + 16384)
    yield ("vm-registers-16384", File().set(minor=1).add(
        b"VM  ", frame(blocks, len(content) + 16384), size=len(content) + 16384, flags=SKIPPABLE | COMPRESSED),
        held(vm=[(i, 0) for i in ids]), "the most registers of the VM")


VCPU_RLE_IDS = [X0, WIDE]


def vcpu_rle():
    head = ascending([0]) + ascending(VCPU_RLE_IDS) + bytes([0, 1, 128, 1])
    return compressed(
        frame(block(head, last=False) + block(b"\7", kind=RUN, length=128), len(head) + 128), len(head) + 128, registers=2)


def frames(dictionary):
    size = len(CONTENT)
    named = dictionary[4:8]
    yield "frame-raw", compressed(frame(block(CONTENT), size)), ONE, "a zstd frame of one raw block, longer than the content"
    yield ("frame-run-length", vcpu_rle(), held([(0, [(X0, 1), (WIDE, int.from_bytes(b"\7" * 128, "little"))])]),
           "a zstd frame of raw and run-length blocks")
    yield ("frame-checksum", compressed(frame(block(CONTENT), size, checksum=xxh64(CONTENT))), ONE,
           "a frame with zstd's own checksum")
    yield ("frame-dictionary-0", compressed(frame(block(CONTENT), size, dictionary=bytes(4))), ONE,
           "a frame that says it has no dictionary")
    for length in (1, 2):
        yield (f"frame-dictionary-0-of-{length}", compressed(frame(block(CONTENT), size, dictionary=bytes(length))), ONE,
               "the same, in a shorter field")
    yield ("frame-dictionary-0-named",
           with_dictionary(compressed(frame(block(CONTENT), size, dictionary=bytes(1))), dictionary),
           ONE, "Dictionary_ID 0, where the header has a dictionary")
    yield ("frame-dictionary-named", with_dictionary(compressed(frame(block(CONTENT), size, dictionary=named)), dictionary),
           ONE, "a frame that names the header's dictionary")
    yield ("frame-dictionary", with_dictionary(compressed(frame(block(CONTENT), size)), dictionary), ONE,
           "a frame that does not name the header's dictionary")
    value = int.from_bytes(dictionary[-16:], "little")
    yield ("frame-dictionary-used", with_dictionary(compressed(*from_dictionary(dictionary)), dictionary),
           held([(0, [(V0, value)])]), "a value that is copied from the dictionary")
    head = ascending([0]) + ascending([X0]) + bytes([0, 8, 7])
    yield ("frame-sequences", compressed(frame(copied(head, 1, 7), len(head) + 7), len(head) + 7),
           held([(0, [(X0, 0x0707070707070707)])]), "a compressed block: literals and one copy, which overlaps itself")
    yield ("frame-of-nothing", File().add(b"PROV", frame(block(b""), 0), size=0, flags=SKIPPABLE | COMPRESSED), ONE,
           "no content")
    yield ("frames-in-all", provenance().change(chunks=[
        dict(kind=b"PROV", content=frame(block(pairs(("a", "b"))), 4), size=4, flags=SKIPPABLE | COMPRESSED),
        *compressed(frame(block(CONTENT), size)).chunks]), held(provenance=[("a", "b")]), "two compressed chunks")


def frame_edges():
    size = len(CONTENT)
    for name, window, why in (
            ("", 0x38, "a window of 128 KiB, declared instead of a single segment"),
            ("-1k", 0, "a window of 1 KiB, which is not below the content"),
            ("-2g", 0xA8, "a window of 2 GiB for 13 bytes: nobody needs to allocate it"),
            ("-largest", 0xAF, "a window of 3.75 GiB, the largest below 4 GiB")):
        yield f"frame-window{name}", compressed(frame(block(CONTENT), size, window)), ONE, why
    for length in (1, 8):
        yield (f"frame-size-of-{length}", compressed(frame(block(CONTENT), size, size_bytes=length)), ONE,
               f"a declared size in {length} byte{'s' * (length > 1)}")
    head = ascending([0]) + ascending([HUGE]) + bytes([0, 128])
    content = head + b"\1" * 256
    yield ("frame-size-of-2", compressed(frame(block(content), len(content), size_bytes=2), len(content)),
           held([(0, [(HUGE, int.from_bytes(b"\1" * 256, "little"))])]), "a declared size in two bytes, of 256 and more")
    yield ("frame-unused-bit", compressed(frame(block(CONTENT), size, extra=0x10)), ONE, "a reader ignores the unused bit")
    yield ("frame-empty-blocks", compressed(frame(block(b"", False) * 3 + block(CONTENT, False) + block(b""), size)), ONE,
           "blocks without content")
    yield ("frame-blocks-of-1", compressed(frame(b"".join(
        block(CONTENT[n:n + 1], n == size - 1) for n in range(size)), size)), ONE, "a block for each byte")
    for name, window, length in (("1k", 0, 1024), ("1k-and-eighth", 1, 1152)):
        entry = ("k", "v" * (length - 4))
        yield (f"frame-window-{name}-full", File().add(
            b"PROV", frame(block(pairs(entry)), length, window), size=length, flags=SKIPPABLE | COMPRESSED),
            held(provenance=[entry]), "a window that is as large as the content")
    file, ids, value = copied_from_far()
    yield ("frame-copy-beyond-window", file, held([(0, [(i, 0) for i in ids[:-1]] + [(ids[-1], value)])]),
           "a copy from farther back than the window of 128 KiB")
    file, ids = long_run(BLOCK, 0x38)
    yield ("frame-block-largest", file, held([(0, [(i, 0) for i in ids])]),
           "a run of 128 KiB, the largest block; a window of 128 KiB for more content")


def largest():
    ids = [HUGE + n for n in range(4096)]
    yield ("vcpus-4096", many(4096, [], b"", 4096), held([(n, []) for n in range(4096)]), "the most vCPUs")
    yield ("registers-4096", many(1, ids, b"\0", 4096), held([(0, [(i, 0) for i in ids])]), "the most register ids")
    sets = b"\0\2" + bytes(64)
    yield ("cells-largest", many(4096, ids[:512], sets + b"\1" * 4094, 512),
           held([(0, [(i, 0) for i in ids[:512]])] + [(n, []) for n in range(1, 4096)]), "2^21 vCPUs times register ids")
    yield ("values-largest", many(128, ids[:2048], b"", 128 + 128 * 2048),
           held([(n, [(i, 0) for i in ids[:2048]]) for n in range(128)]),
           "64 MiB of values")
