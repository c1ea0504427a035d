"""Snapshot files that a reader must refuse: name, file or its bytes, the rule of the page's section 10, and what is wrong."""

from snapshot_file import (
    BLOCK, COMPRESSED, CONTENT, HUGE, MAGIC, MIB, RUN, SAME, SEQUENCES, SKIPPABLE, STEP, V0, VM_ID, WIDE, X0, X1, File,
    ascending, block, compressed, copied, frame, from_dictionary, long_run, many, of_size, pairs, provenance, text, varint,
    vcpu_content, vm, with_dictionary, xxh64)


def files(dictionary):
    yield from starts()
    yield from headers(dictionary)
    yield from cuts()
    yield from totals()
    yield from chunks()
    yield from kinds()
    yield from ends()
    yield from orders()
    yield from frames()
    yield from windows(dictionary)
    yield from blocks()
    yield from texts()
    yield from pairs_of_text()
    yield from numbers()
    yield from sets()
    yield from codes()
    yield from vms()
    yield from limits()


def starts():
    yield "empty", b"", "truncated", "no bytes"
    yield "magic", File().set(magic=b"\xf6vCS\n\x1a\n\0"), "magic", "another magic"
    yield "magic-7-bit", File().set(magic=bytes(b & 0x7F for b in MAGIC)), "magic", "a transfer cleared bit 7"
    for place in range(8):
        yield f"magic-byte-{place}", File().patched((place, bytes([MAGIC[place] ^ 1]))), "magic", "another magic"
    for name, old, new in (("crlf-to-lf", b"\r\n", b"\n"), ("lf-to-crlf", b"\n", b"\r\n"), ("lf-removed", b"\n", b"")):
        yield f"magic-{name}", File().bytes().replace(old, new), "magic", "a transfer changed line ends"
    yield "magic-short", b"\xf6vX", "magic", "three bytes, of which one is another"
    yield "major-0", File().set(major=0), "major-version", "another major version"
    yield "major-2", File().set(major=2), "major-version", "another major version"
    yield "major-256", File().set(major=256), "major-version", "another major version"
    yield "header-55", File().set(header=55), "header-size", "a header size below 56"
    yield "header-0", File().set(header=0), "header-size", "a header size below 56"
    yield "header-4097", File().set(header=4097).change(extension=bytes(4041)), "header-size", "a header size above its limit"
    yield "header-65535", File().set(header=65535), "header-size", "a header size above its limit"


def headers(dictionary):
    yield "header-checksum", File().set(checksum=1), "header-checksum", "a wrong header checksum"
    yield ("header-extension-damaged", File().change(extension=bytes(8)).patched((55, b"\1")), "header-checksum",
           "the checksum covers what a longer header has")
    for place in (10, 12, 16, 20, 24, 36, 40, 44):
        size = b"\x39" if place == 12 else None
        yield (f"header-damaged-{place}", File().patched((place, size or bytes([File().bytes()[place] ^ 4]))),
               "header-checksum",
               f"the checksum covers byte {place}")
    for bit in (0, 15, 31):
        name = "incompatible" if bit == 31 else f"incompatible-{bit}"
        yield name, File().set(incompatible=1 << bit), "incompatible-feature", "an incompatible feature"
    yield "incompatible-minor", File().set(incompatible=2, minor=9), "incompatible-feature", "also in a later minor version"
    yield "dictionary-unknown", File().set(dictionary=77), "dictionary", "an unknown dictionary"
    yield "dictionary-digest", with_dictionary(File(), dictionary).set(digest=bytes(8)), "dictionary", "another digest"
    file = with_dictionary(File(), dictionary)
    yield "dictionary-digest-turned", file.set(digest=file.fields["digest"][::-1]), "dictionary", "the digest's bytes in turn"
    file = with_dictionary(File(), dictionary)
    yield ("dictionary-digest-last-byte", file.set(digest=file.fields["digest"][:7] + b"\0"), "dictionary",
           "the eighth byte counts too")
    yield "dictionary-0-digest", File().set(digest=b"\1" + bytes(7)), "dictionary", "a digest without a dictionary"
    file = with_dictionary(File(), dictionary)
    yield "dictionary-other-id", file.set(dictionary=0x31736377), "dictionary", "another id with a known digest"
    yield "largest-above-content", File().set(largest=46), "largest-content", "largest content above content size"


def cuts():
    whole = File().bytes()
    for name, length in (
            ("in-magic", 7), ("behind-magic", 8), ("in-prefix", 13), ("behind-prefix", 14), ("in-header", 30),
            ("before-header-checksum", 52), ("in-header-checksum", 55), ("behind-header", 56), ("in-chunk-header", 75),
            ("behind-chunk-header", 76), ("in-chunk", 80), ("before-end", len(whole) - 52),
            ("in-end-header", len(whole) - 33),
            ("in-digest", len(whole) - 16), ("by-1", len(whole) - 1)):
        yield f"cut-{name}", whole[:length], "truncated", f"input that ends after {length} bytes"
    file = File().set(header=64).patched()
    yield "cut-in-longer-header", file[:60], "truncated", "a header of 64 bytes that ends after 60"


def totals():
    yield "goes-on", File().bytes() + b"\0", "trailing", "input that goes on"
    yield "twice", File().bytes() * 2, "trailing", "input that goes on"
    yield "file-size-1-more", File().set(file=142), "totals", "file size that is not what the chunks add up to"
    yield "file-size-at-limit", File().set(file=64 * MIB), "totals", "64 MiB are no limit that is passed, and not what it is"
    yield "file-size-1-less", File().set(file=140), "stored-size", "a digest that does not fit the file"
    yield "content-size-1-more", File().set(content=46), "totals", "content size that is not what the chunks add up to"
    yield "content-size-1-less", File().set(content=44), "totals", "the same, one less"
    yield "content-size-at-limit", File().set(content=64 * MIB), "totals", "64 MiB, and not what the chunks add up to"
    yield "largest-1-more", File().set(largest=33), "totals", "largest content that is not what the chunks add up to"
    note = File().add(b"NOTE", b"abc", flags=SKIPPABLE)
    yield "content-size-without-left-out", note.set(content=45), "totals", "the content of a chunk left out counts"
    note = File().add(b"NOTE", bytes(33), flags=SKIPPABLE)
    yield "largest-without-left-out", note.set(largest=32), "content-size", "the same for largest content"
    yield "no-vcpu-chunk", File().change(chunks=[]), "no-vcpu", "no VCPU chunk"
    yield "no-vcpu-but-prov", provenance(("a", "b")).change(chunks=[dict(kind=b"PROV", content=b"", flags=SKIPPABLE)]), (
        "no-vcpu"), "the same, with PROV"
    yield "no-end", File().change(has_end=False), "no-end", "no END chunk"
    yield "chunks-0", File().change(chunks=[], has_end=False), "no-end", "no chunk at all"
    yield "chunks-1-more", File().set(chunks=3), "end-place", "fewer chunks than the header says"
    yield "chunks-1-less", File().set(chunks=1), "no-end", "more chunks than the header says"
    yield "end-version-2-last", File().change(end=dict(version=2, flags=SKIPPABLE)), "no-end", "an END that is left out"


def chunks():
    yield "stored-too-large", File(stored=1000), "stored-size", "a stored size that does not fit the file"
    yield "stored-largest", File(stored=2**32 - 1), "stored-size", "the largest number"
    yield "stored-1-more", File(stored=66).set(content=98), "stored-size", "one byte more than there is behind it"
    yield "chunk-beyond-file", File().set(file=70), "stored-size", "a chunk header beyond the file"
    yield "content-above-largest", File(size=14).set(largest=13), "content-size", "a content size above largest content"
    yield ("content-above-largest-unknown", File().add(b"NOTE", b"", size=33, flags=SKIPPABLE | COMPRESSED).set(largest=32),
           "content-size", "the same, of a chunk left out")
    yield "chunk-checksum", File(checksum=1), "chunk-checksum", "a wrong checksum"
    yield "chunk-checksum-end", File().change(end=dict(checksum=1 << 31)), "chunk-checksum", "a wrong checksum, of END"
    for name, place, new in (("kind", 56, b"X"), ("version", 60, b"\2"), ("flags", 62, b"\1"), ("stored", 64, b"\x0c"),
                             ("content", 68, b"\x0c"), ("first-byte", 76, b"\1"), ("last-byte", 88, b"\2")):
        yield f"chunk-damaged-{name}", File().patched((place, new)), "chunk-checksum", "the checksum covers it"
    yield "checksum-unknown", File().add(b"NOTE", b"12", flags=SKIPPABLE, checksum=1), (
        "chunk-checksum"), "a wrong checksum, of a chunk left out too"
    for bit in (2, 3, 8, 15):
        yield f"flag-{bit}", File(flags=1 << bit), "chunk-flags", "an undefined flag"
    yield ("flag-2-unknown", File().add(b"NOTE", flags=SKIPPABLE | 4), "chunk-flags",
           "an undefined flag, of a chunk left out too")
    yield "flag-2-end", File().change(end=dict(flags=4)), "chunk-flags", "an undefined flag, of END"
    yield "sizes-differ", File(size=14), "uncompressed-size", "sizes that differ without compression"
    yield "sizes-differ-less", File(size=12), "uncompressed-size", "the same, one less"
    yield ("sizes-differ-unknown", File().add(b"NOTE", b"12", size=3, flags=SKIPPABLE), "uncompressed-size",
           "sizes that differ without compression, of a chunk left out too")
    yield ("sizes-differ-end", File().change(end=dict(size=31)).set(content=44, largest=31), "uncompressed-size",
           "the same, of END")


def kinds():
    yield "critical-unknown", File().add(b"NOTE"), "unknown-chunk", "an unknown critical kind"
    for name, kind in (("private", b"xown"), ("lower-case", b"vcpu"), ("end-0", b"END\0"), ("vm-0", b"VM\0\0"),
                       ("zero", bytes(4)),
                       ("unprintable", b"\x1b[2J")):
        yield f"critical-{name}", File().add(kind), "unknown-chunk", "an unknown critical kind"
    yield "critical-compressed", File().add(b"NOTE", size=1, flags=COMPRESSED), "unknown-chunk", "the same, compressed"
    yield "critical-version", File().add(b"PROV", version=2), "unknown-chunk", "an unknown version of a critical chunk"
    yield "critical-version-0", File().add(b"PROV", version=0), "unknown-chunk", "version 0 is unknown too"
    yield "vcpu-version-2", File(version=2), "unknown-chunk", "VCPU of an unknown version"
    yield "vcpu-version-0", File(version=0), "unknown-chunk", "VCPU of version 0"
    yield "vcpu-version-257", File(version=257), "unknown-chunk", "the version has 16 bits"
    yield "vcpu-version-2-left-out", File(version=2, flags=SKIPPABLE), "no-vcpu", "VCPU left out, and no other"
    yield "vm-version-2-critical", File().add(b"VM  ", version=2), "unknown-chunk", "an unknown version of a critical chunk"
    yield "end-version-2", File().change(end=dict(version=2)), "unknown-chunk", "an unknown version of END"
    yield "vcpu-twice", File().add(b"VCPU", CONTENT), "second-chunk", "VCPU for the second time"
    yield "vcpu-twice-skippable", File().add(b"VCPU", CONTENT, flags=SKIPPABLE), "second-chunk", "the same, skippable"
    yield "vm-twice", vm([], []).add(b"VM  ", b"\0", flags=SKIPPABLE), "second-chunk", "VM for the second time"
    yield "provenance-twice", provenance().add(b"PROV", flags=SKIPPABLE), "second-chunk", "PROV for the second time"
    yield ("provenance-twice-apart", provenance(("a", "")).add(b"NOTE", flags=SKIPPABLE).add(b"PROV", flags=SKIPPABLE),
           "second-chunk", "the same, with others between")


def ends():
    yield "end-not-last", File().add(b"END ", bytes(32)), "end-place", "END before the last place"
    yield "end-first", File().add(b"END ", bytes(32), first=True), "end-place", "END as the first chunk"
    yield "end-before-unknown", File().add(b"END ", bytes(32)).change(end=dict(kind=b"NOTE", flags=SKIPPABLE)), (
        "end-place"), "a chunk that is left out stands before END too"
    yield "end-flags", File().change(end=dict(flags=SKIPPABLE)), "end-form", "END with flags"
    yield "end-compressed", File().change(end=dict(flags=COMPRESSED)), "end-form", "END that is said to be compressed"
    yield "end-31-bytes", File().change(end=dict(content=bytes(31))).set(file=140, content=44, largest=31), (
        "end-form"), "END with other than 32 bytes"
    yield ("end-33-bytes", File().change(end=dict(content=bytes(33))).set(file=142, content=46, largest=33), "end-form",
           "the same")
    yield "end-0-bytes", File().change(end=dict(content=b"")).set(file=109, content=13, largest=13), "end-form", "the same"
    yield "end-digest", File().change(end=dict(content=bytes(32))), "digest", "another digest"
    changed = bytearray(File().bytes())
    changed[88] = 2
    changed[72:76] = File().chunk(b"VCPU", CONTENT[:-1] + b"\2")[16:20]
    yield "end-digest-of-other-value", bytes(changed), "digest", "a changed value, with the chunk's checksum put right"
    file = File().set(minor=1)
    header = file.header(file.chunk(**file.chunks[0]))
    yield ("end-digest-of-other-header", header + File().bytes()[56:], "digest",
           "a changed header, with its checksum put right")


def orders():
    """Of two things that are wrong the one that comes first in section 9 is what is said."""
    yield "first-magic", File().set(major=2).patched((0, b"\0")), "magic", "step 1 before 2"
    yield "first-major", File().set(major=2, header=55, checksum=1), "major-version", "step 2 before 3 and 4"
    yield "first-header-size", File().set(header=55, checksum=1), "header-size", "step 3 before 4"
    yield "first-header-checksum", File().set(incompatible=1, dictionary=5, checksum=1), "header-checksum", "step 4 before 5"
    yield "first-incompatible", File().set(incompatible=1, vcpus=4097, dictionary=5), "incompatible-feature", "within step 5"
    yield "first-limit", File().set(vcpus=4097, dictionary=5), "limit", "within step 5"
    yield "first-dictionary", File(stored=1000).set(dictionary=5), "dictionary", "step 5 before 6"
    yield "first-stored-size", File(stored=1000, size=1000, checksum=1), "stored-size", "step 6 before 7"
    yield "first-content-size", File(size=1000, checksum=1).set(content=45, largest=32), "content-size", "step 6 before 7"
    yield "first-checksum", File(checksum=1, flags=4, version=7), "chunk-checksum", "step 7 before 8"
    yield "first-flags", File(flags=4, version=7, size=14), "chunk-flags", "within step 8"
    yield "first-uncompressed-size", File(version=7, size=14), "uncompressed-size", "within step 8"
    yield "first-unknown", compressed(b"no frame", version=7), "unknown-chunk", "step 8 before 9"
    yield "first-second", File().add(b"VCPU", b"\xff", flags=COMPRESSED), "second-chunk", "step 8 before 9"
    yield "first-content", File(b"").set(content=70), "short-content", "step 10 before 11"
    yield "first-chunk", File(b"").add(b"NOTE"), "short-content", "a chunk before the next"
    yield "first-totals", File().set(content=46).bytes() + b"\0", "totals", "within step 11"
    yield "first-trailing", File().change(chunks=[]).bytes() + b"\0", "trailing", "within step 11"


def frames():
    raw = frame(block(CONTENT), len(CONTENT))
    size = len(CONTENT)

    def framed(name, stored, why, **fields):
        return name, compressed(stored, **fields), "frame", why
    yield framed("frame-none", CONTENT, "stored bytes that are no frame")
    yield "frame-empty", compressed(b"").set(content=45), "frame", "no stored bytes"
    yield ("frame-empty-of-nothing", File().add(b"PROV", flags=SKIPPABLE | COMPRESSED), "frame",
           "no stored bytes for no content")
    yield "frame-skippable", compressed(bytes.fromhex("502a4d1800000000"), 0).set(content=32), "frame", "a skippable frame"
    yield framed("frame-skippable-before", bytes.fromhex("502a4d1800000000") + raw, "a skippable frame before the frame")
    yield framed("frame-skippable-behind", raw + bytes.fromhex("502a4d1800000000"), "a skippable frame behind the frame")
    yield framed("frame-twice", raw + raw, "two frames")
    yield framed("frame-and-a-byte", raw + b"\0", "a frame and one byte more")
    yield framed("frame-old-magic", b"\x27" + raw[1:], "the magic of zstd 0.7")
    for length in (3, 4, 5, 8, 9, 11, 12, 24):
        yield framed(f"frame-cut-{length}", raw[:length], f"a frame of {len(raw)} bytes that ends after {length}")
    yield framed("frame-cut", raw[:-1], "a frame that ends early")
    yield framed("frame-no-size", frame(block(CONTENT), size, 0x38, size_bytes=0), "no declared size")
    yield framed("frame-other-size", frame(block(CONTENT), size + 1), "a declared size that is not the chunk's")
    yield framed("frame-other-size-1-less", frame(block(CONTENT), size - 1), "the same, one less")
    yield framed("frame-size-64-bits", frame(block(CONTENT), size + 2**32, size_bytes=8), "a declared size above 32 bits")
    yield framed("frame-reserved-bit", frame(block(CONTENT), size, extra=8), "the reserved bit of the descriptor")
    yield framed("frame-checksum-wrong", frame(block(CONTENT), size, checksum=xxh64(CONTENT) ^ 1),
                 "zstd's own checksum, wrong")
    yield framed("frame-checksum-cut", frame(block(CONTENT), size, checksum=xxh64(CONTENT))[:-1], "the checksum ends early")
    yield framed("frame-checksum-missing", frame(block(CONTENT), size, checksum=0)[:-4], "a checksum that is not there")
    yield framed("frame-checksum-undeclared", raw + bytes(4), "a checksum that the descriptor does not tell")


def windows(dictionary):
    size, named = len(CONTENT), int.from_bytes(dictionary[4:8], "little")

    def framed(name, stored, why, **fields):
        return name, compressed(stored, **fields), "frame", why
    long = ascending([0]) + ascending([HUGE] + [HUGE + n for n in range(1, 9)]) + bytes([0] + [128] * 9 + [1] * 2304)
    yield ("frame-window-small", compressed(frame(block(long), len(long), window=0), len(long), registers=9), "frame",
           "a window below the content and below 128 KiB")
    for name, window, length in (("1k", 0, 1025), ("1k-and-eighth", 1, 1153)):
        content = block(pairs(("k", "v" * (length - 4))))
        yield (f"frame-window-{name}-and-1", File().add(
            b"PROV", frame(content, length, window), size=length, flags=SKIPPABLE | COMPRESSED), "frame",
            "the same, by one byte")
    yield ("frame-window-120k", long_run(BLOCK, 0x37)[0], "frame",
           "a window of 120 KiB, the largest below 128 KiB, for more content")
    yield framed("frame-window-4g", frame(block(CONTENT), size, 0xB0), "a window of 4 GiB")
    yield framed("frame-window-largest", frame(block(CONTENT), size, 0xFF), "the largest Window_Descriptor")
    yield ("frame-dictionary-other", with_dictionary(compressed(
        frame(block(CONTENT), size, dictionary=(named + 1).to_bytes(4, "little"))), dictionary), "frame",
        "a frame with another dictionary")
    yield framed("frame-dictionary-unnamed", frame(block(CONTENT), size, dictionary=dictionary[4:8]),
                 "a frame with a dictionary, the header with none")
    yield framed("frame-dictionary-1", frame(block(CONTENT), size, dictionary=b"\1"), "the same, in one byte")
    stored, length = from_dictionary(dictionary)
    yield framed("frame-dictionary-needed", stored, "a copy from the dictionary, without one", size=length)


def blocks():
    size = len(CONTENT)

    def framed(name, blocks, why, size=size, **options):
        return name, compressed(frame(blocks, size, **options), size), "frame", why
    yield framed("frame-holds-less", block(CONTENT[:-1]), "less content than declared")
    yield framed("frame-holds-more", block(CONTENT + b"\0"), "more content than declared")
    yield framed("frame-holds-more-in-window", block(CONTENT + b"\0"), "the same, with a larger window", window=0x38)
    yield framed("frame-no-last-block", block(CONTENT, False), "no block is the last")
    yield framed("frame-block-behind-last", block(CONTENT) + block(b""), "a block behind the last")
    yield framed("frame-block-reserved", block(CONTENT, kind=3), "a block of type 3")
    yield framed("frame-block-reserved-first", block(b"", False, 3) + block(CONTENT), "the same, before the last")
    yield framed("frame-block-longer", block(CONTENT, length=14), "a block that is longer than the frame")
    yield framed("frame-block-above-content", block(CONTENT[:-1], False) + block(b"\1", True, RUN, 14),
                 "a block above the content, which is the largest of a single segment")
    yield "frame-block-131073", long_run(BLOCK + 1, 0x50)[0], "frame", "a block above 128 KiB"
    head = ascending([0]) + ascending([X0]) + bytes([0, 8, 7])
    yield framed("frame-copy-too-far", copied(head, len(head) + 1, 7), "a copy from before the content", len(head) + 7,
                 window=0x38)
    yield framed("frame-copy-too-long", copied(head, 1, 8), "a copy beyond the declared size", len(head) + 7, window=0x38)
    yield framed("frame-copy-too-short", copied(head, 1, 6), "a copy that leaves content over", len(head) + 7, window=0x38)
    yield framed("frame-sequences-cut", block(copied(head, 1, 7)[3:-1], kind=SEQUENCES), "a compressed block that ends early",
                 len(head) + 7, window=0x38)
    yield framed("frame-sequences-empty", block(b"", kind=SEQUENCES), "a compressed block of no bytes")
    yield ("frame-bomb", compressed(frame(block(CONTENT), 64 * MIB - 32), 64 * MIB - 32), "frame",
           "64 MiB that the blocks cannot hold")


def texts():
    yield "key-empty", provenance(("", "a")), "text", "an empty key"
    yield "key-twice", provenance(("a", ""), ("a", "")), "text", "a key twice"
    yield "key-twice-apart", provenance(("a", "1"), ("b", ""), ("a", "2")), "text", "the same, apart and with other values"
    for name, value in (("newline", "\n"), ("escape", "\x1b[m"), ("nul", "\0"), ("delete", "\x7f"),
                        ("unit-separator", "a\x1f")):
        yield f"value-{name}", provenance(("a", value)), "text", "a byte below 0x20, or 0x7F"
    yield "key-tab", provenance(("a\t", "")), "text", "a byte below 0x20 in a key"
    yield "key-delete", provenance(("a\x7f", "")), "text", "the byte 0x7F in a key"
    for name, data, why in (
            ("overlong", b"\xc0\xaf", "UTF-8 in an overlong form"), ("overlong-nul", b"\xc0\x80", "the same, of NUL"),
            ("overlong-3", b"\xe0\x9f\xbf", "the same, of three bytes"),
            ("overlong-4", b"\xf0\x8f\xbf\xbf", "the same, of four bytes"),
            ("surrogate", b"\xed\xa0\x80", "a surrogate"), ("surrogate-low", b"\xed\xbf\xbf", "a surrogate"),
            ("surrogate-pair", b"\xed\xa0\xbd\xed\xb8\x80", "two surrogates"),
            ("not-utf8", b"\xff", "bytes that are not UTF-8"),
            ("above-unicode", b"\xf4\x90\x80\x80", "above U+10FFFF"),
            ("five-bytes", b"\xf8\x88\x80\x80\x80", "a form of five bytes"),
            ("continuation", b"a\x80", "a byte that goes on with nothing"),
            ("character-cut", b"a\xc3", "a character that ends early"),
            ("latin-1", b"\xe9t\xe9", "Latin-1")):
        yield f"value-{name}", provenance(("a", data)), "text", why
    yield "key-not-utf8", provenance((b"\xff", "")), "text", "the same in a key"


def pairs_of_text():
    yield "value-4097", provenance(("a", "b" * 4097)), "limit", "a text above its limit"
    yield "key-4097", provenance(("k" * 4097, "")), "limit", "the same in a key"
    yield "value-4097-bytes", provenance(("a", "é" * 2048 + "a")), "limit", "the limit counts bytes"
    yield "pairs-1025", provenance(*((str(n), "") for n in range(1025))), "limit", "more pairs than the limit"

    def content(name, data, rule, why):
        return name, File().add(b"PROV", data, flags=SKIPPABLE), rule, why
    yield content("value-missing", text("a"), "short-content", "content that ends early")
    yield content("value-cut", text("a") + b"\2b", "short-content", "content that ends early")
    yield content("key-cut", b"\2a", "short-content", "content that ends early")
    yield content("key-length-cut", pairs(("a", "b")) + b"\x80", "short-content", "content that ends early")
    yield content("key-length-long", b"\x81\0a\0", "varint", "a length longer than needed")
    yield content("key-length-64-bits", b"\xff" * 9 + b"\1", "limit", "the largest number as a length")
    yield content("key-length-65-bits", b"\xff" * 9 + b"\2", "varint", "a length above 64 bits")


def numbers():
    x0 = ascending([X0])
    yield "vcpu-empty", File(b""), "short-content", "content that ends early"
    for length in range(1, len(CONTENT) - 1):
        yield f"vcpu-cut-{length}", File(CONTENT[:length]), "short-content", "content that ends early"
    yield "vcpu-cut", File(CONTENT[:-1]), "short-content", "content that ends early"
    yield "vcpu-left-over", File(CONTENT + b"\0"), "long-content", "bytes left over"
    yield "vcpu-of-other-count", File(CONTENT, vcpus=0, registers=0), "long-content", "content for a vCPU that is not counted"
    yield "vcpu-count-1-more", File(CONTENT, vcpus=2), "index", "content of one vCPU for two, whose second number is the id"
    for name, data, why in (
            ("long", b"\x80\0", "a varint longer than needed"), ("long-1", b"\x81\0", "the same, of another number"),
            ("long-10-bytes", b"\xff" * 9 + b"\0", "the same, of ten bytes"),
            ("11-bytes-index", b"\x80" * 10 + b"\1", "a varint of 11 bytes")):
        yield f"varint-{name}", File(data + x0 + bytes([0, 1, 1])), "varint", why
    yield "varint-65-bits", File(b"\0" + b"\xff" * 9 + b"\2" + bytes([0, 0])), "varint", "a varint above 64 bits"
    yield "varint-11-bytes", File(b"\0" + b"\x80" * 10 + b"\1" + bytes([0, 0])), "varint", "a varint of 11 bytes"
    yield "list-65-bits", File(b"\0" + b"\xff" * 9 + b"\1\0" + bytes([0, 0, 0]), 1, 2), "list", "a list above 64 bits"
    top = 0xFF8FFFFFFFFFFFFF
    for name, last, rule in (("1-more", 1 << 64, "list"), ("full", (1 << 64) - 1, "id-size"),
                             ("far", top + 1 + (1 << 63), "list")):
        yield f"list-{name}", vcpu_content([0], [top, last], [0, 0, 0]), rule, "a list whose last number is 2^64 - 1, or more"
    yield "list-of-indexes", vcpu_content([0, 1 << 64], [X0], [0, 0, 0, 0]), "list", "the same for vCPU numbers"
    yield "index-33-bits", vcpu_content([1 << 32], [X0], [0, 1, 1]), "index", "a vCPU index above 32 bits"
    yield "index-33-bits-second", vcpu_content([0, 1 << 32], [X0], [0, 0, 0, 0]), "index", "the same, of the second vCPU"
    yield "index-64-bits", vcpu_content([(1 << 64) - 1], [X0], [0, 1, 1]), "index", "the largest number"
    for exponent in range(9, 16):
        yield (f"id-size-{exponent}", vcpu_content([0], [0x6000000000000001 | exponent << 52], [0, 0]), "id-size",
               "a register id of undefined size")


def sets():
    for selector in (3, 128, 255):
        yield f"set-{selector}", vcpu_content([0], [X0], [selector, 1, 1]), "set", "a set selector above 2"
    yield "set-3-second", vcpu_content([0, 1], [X0], [0, 3, 0, 0]), "set", "the same, of the second vCPU"
    yield "set-1-first", vcpu_content([0], [X0], [1, 1, 1]), "set", "set selector 1 for the first vCPU"
    yield "set-1-first-of-none", vcpu_content([0], [], [1]), "set", "the same, where there are no registers"
    yield "set-bit-beyond", vcpu_content([0], [X0], [2, 3, 1, 1]), "set", "a bitmap bit beyond the table"
    yield "set-bit-7", vcpu_content([0], [X0], [2, 129, 1, 1]), "set", "the same, the last bit"
    yield ("set-bit-9-of-9", vcpu_content([0], [X0 + n for n in range(9)], [2, 255, 3] + [0] * 9), "set",
           "the same, in the second byte")
    yield "set-bitmap-cut", File(ascending([0]) + ascending([X0]) + b"\2"), "short-content", "a bitmap that ends early"
    yield "set-none", vcpu_content([0], [X0], [2, 0]), "unused-id", "an id of no vCPU"
    yield "set-second-unused", vcpu_content([0, 1], [X0, X1], [2, 1, 1, 0, 0]), "unused-id", "the same, of two ids"
    yield "set-no-vcpu", vcpu_content([], [X0], []), "unused-id", "an id of no vCPU"


def codes():
    for exponent in range(9):
        size = 1 << exponent
        code = min(size, 128) + 1
        if exponent not in (3, 8):
            yield (f"code-{code}-of-{size}-bytes", vcpu_content([0], [of_size(exponent)], [0, code] + [1] * code), "code",
                   f"{code} bytes for {size}")
    yield "code-9", vcpu_content([0], [X0], [0, 9] + [1] * 9), "code", "more bytes than the register has"
    yield "code-65-of-128", vcpu_content([0], [WIDE + (1 << 52)], [0, 129] + [1] * 258), "code", "the same, 256 bytes"
    for code in (129, 192, 253):
        yield f"code-{code}", vcpu_content([0], [X0], [0, code] + [1] * 8), "code", "a code that is not defined"
    yield "code-128-of-8-bytes", vcpu_content([0], [X0], [0, 128] + [1] * 128), "code", "more bytes than the register has"
    yield "same-first", vcpu_content([0], [X0], [0, SAME]), "code", "same without an earlier value"
    yield "same-of-other-id", vcpu_content([0], [X0, X1], [0, 0, SAME]), "code", "the same; another register's value is none"
    yield ("same-of-later", vcpu_content([0, 1], [X0, X1], [2, 2, 0, 0, SAME, 0]), "code",
           "the same; a later vCPU's value is none")
    yield "step-first", vcpu_content([0], [X0], [0, STEP]), "code", "step without an earlier value"
    yield "step-second", vcpu_content([0, 1], [X0], [0, 0, 1, STEP, 1]), "code", "step without two earlier values"
    yield ("step-of-other-id", vcpu_content([0, 1], [X0, X1], [0, 0, 0, 0, 0, STEP]), "code",
           "the same; another register's are none")
    for exponent in range(4, 9):
        yield (f"step-{1 << exponent}-bytes", vcpu_content([0, 1, 2], [of_size(exponent)], [0, 0, 0, 0, 0, STEP]), "code",
               f"step of {1 << exponent} bytes")
    yield "step-wide", vcpu_content([0, 1, 2], [V0], [0, 0, 0, 1, 1, STEP, 1, 2]), "code", "step of 16 bytes"
    yield "values-cut", vcpu_content([0], [X0, WIDE], [0, 1, 128, 1] + [0] * 127), "short-content", "a value that ends early"
    yield "values-missing", vcpu_content([0, 1], [X0], [0, 0, 1, 1, 5]), "short-content", "a value that is not there"


def vms():
    yield "vm-empty-content", File().set(minor=1).add(b"VM  ", flags=SKIPPABLE), "short-content", "content that ends early"
    yield "vm-cut", vm([VM_ID], [2], [1]), "short-content", "content that ends early"
    yield "vm-cut-codes", vm([VM_ID, VM_ID + 1], [0]), "short-content", "content that ends early"
    content = varint(2) + ascending([VM_ID, VM_ID + 1])
    for length in (1, 5, 10):
        yield (f"vm-cut-{length}", File().set(minor=1).add(b"VM  ", content[:length], flags=SKIPPABLE), "short-content",
               "content that ends early")
    yield "vm-left-over", vm([VM_ID], [1], [1, 0]), "long-content", "bytes left over"
    yield "vm-left-over-empty", vm([], [0]), "long-content", "bytes left over"
    yield "vm-same", vm([VM_ID], [SAME]), "code", "same in VM"
    yield "vm-same-second", vm([VM_ID, VM_ID + 1], [0, SAME]), "code", "same in VM, behind another register"
    yield "vm-step", vm([VM_ID, VM_ID + 1, VM_ID + 2], [1, 1, STEP], [1, 2]), "code", "step in VM"
    yield "vm-code-9", vm([VM_ID], [9], bytes(9)), "code", "more bytes than the register has"
    yield "vm-code-129", vm([VM_ID], [129], bytes(129)), "code", "a code that is not defined"
    yield "vm-id-size-9", vm([VM_ID | 9 << 52], [0]), "id-size", "a register id of undefined size"
    yield "vm-list-65-bits", vm([VM_ID, 1 << 64], [0, 0]), "list", "a list above 64 bits"
    yield ("vm-count-long", File().set(minor=1).add(b"VM  ", b"\x80\0", flags=SKIPPABLE), "varint",
           "a varint longer than needed")
    yield ("vm-registers-16385", File().set(minor=1).add(b"VM  ", varint(16385), flags=SKIPPABLE), "limit",
           "a count above its limit")
    yield ("vm-count-64-bits", File().set(minor=1).add(b"VM  ", varint((1 << 64) - 1), flags=SKIPPABLE), "limit",
           "the largest number as a count")


def limits():
    for name, fields in (
            ("chunks-257", dict(chunks=257)), ("chunks-65535", dict(chunks=65535)),
            ("file-size-limit", dict(file=64 * MIB + 1)), ("file-size-32-bits", dict(file=2**32 - 1)),
            ("content-size-limit", dict(content=64 * MIB + 1)), ("content-size-32-bits", dict(content=2**32 - 1)),
            ("vcpus-4097", dict(vcpus=4097)), ("vcpus-65535", dict(vcpus=65535)), ("registers-4097", dict(registers=4097)),
            ("registers-65535", dict(registers=65535))):
        yield name, File().set(**fields), "limit", "a count or size above its limit"
    yield "cells", File().set(vcpus=4096, registers=513), "limit", "vCPUs times register ids above 2^21"
    yield "cells-by-vcpus", File().set(vcpus=513, registers=4096), "limit", "the same"
    ids = [HUGE + n for n in range(512)]
    yield "values-limit", many(4096, ids, bytes(4096), 4096 * 512), "limit", "512 MiB of values in 4 kB"
    ids = [0x6000000000000001] + [HUGE + n for n in range(2048)]
    sets = b"\0\2\xfe" + b"\xff" * 255 + b"\1" + b"\1" * 126
    yield "values-1-more", many(128, ids, sets, 1 + 128 * 2048), "limit", "64 MiB of values and one byte"
