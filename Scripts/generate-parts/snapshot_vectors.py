"""The test vectors of the snapshot format, Formats/vectors/vcpusnap-v1, made from its page alone."""

import hashlib

import broken_snapshots
import sound_snapshots

# A longer text stands as its SHA-256.
LONGEST_TEXT = 16 << 10

README = """# Test vectors of the snapshot format

Made by `Scripts/generate` from `Formats/vcpusnap-v1.md` alone, without the program or a zstd library. A reader of
the format accepts every file in `good` and finds in it what the text file beside it says, and refuses every file in
`bad`, by the rule of the page's section 10 that the text file beside it names. `Formats/reader.py --check Formats/vectors`
does that.

The text of a good one has a line for each thing, in this order, each with a line feed at its end: `provenance KEY = VALUE`;
for each vCPU `vcpu INDEX`, for the VM, if it has registers, `vm`; behind each its registers, `ID VALUE`, the id in 16
hexadecimal digits, the value as `0x` and digits without leading zeros. Of KEY and VALUE these characters stand as
`\\u{HEX}`: the backslash, U+0080 to U+009F, U+061C, U+200E, U+200F, U+2028 to U+202E, U+2066 to U+2069, and in KEY `=`. Of a
text above 16 KiB the file has one line instead: `sha256` and the text's SHA-256. That of a bad one is `refuse RULE`.

| accept | why |
|---|---|
"""


def text_file(text):
    text = text.encode()
    return text if len(text) <= LONGEST_TEXT else f"sha256 {hashlib.sha256(text).hexdigest()}\n".encode()


def files(dictionary):
    """Every file below Formats/vectors/vcpusnap-v1: its path there and its bytes."""
    result, readme = {}, README
    for name, file, text, why in sound_snapshots.files(dictionary):
        assert f"good/{name}.txt" not in result, name
        result[f"good/{name}.vcpusnap"] = file.bytes()
        result[f"good/{name}.txt"] = text_file(text)
        readme += f"| {name} | {why} |\n"
    readme += "\n| refuse | rule | what is wrong |\n|---|---|---|\n"
    for name, file, rule, why in broken_snapshots.files(dictionary):
        assert f"bad/{name}.txt" not in result, name
        result[f"bad/{name}.vcpusnap"] = file if isinstance(file, bytes) else file.bytes()
        result[f"bad/{name}.txt"] = f"refuse {rule}\n".encode()
        readme += f"| {name} | {rule} | {why} |\n"
    result["README.md"] = readme.encode()
    return result
