"""Embeds zstd dictionaries as they are."""

import c_source
from records import DataError


def source(kind, origin, paths):
    """The C file that holds `paths` and the accessors declared in include/<kind>.h."""
    parts = [c_source.BANNER.format(origin=origin), f'\n#include "{kind}.h"\n']
    for index, path in enumerate(paths):
        data = path.read_bytes()
        if not data:
            raise DataError(f"{path.name}: is empty")
        parts.append("\n" + c_source.byte_array(f"bytes_{index}", data))
    parts.append(accessors(kind, paths))
    return "".join(parts)


def accessors(kind, paths):
    names = [c_source.quoted(path.stem) for path in paths]
    arrays = [f"bytes_{index}" for index in range(len(paths))]
    # sizeof would count the terminator of an array that is written as text.
    lengths = [str(path.stat().st_size) for path in paths]
    return (f"\nsize_t cformat_{kind}_count(void) {{\n    return {len(paths)};\n}}\n"
            + lookup(f"const char *cformat_{kind}_name", names, "0")
            + lookup(f"const unsigned char *cformat_{kind}_bytes", arrays, "0")
            + lookup(f"size_t cformat_{kind}_length", lengths, "0"))


def lookup(declaration, values, default):
    cases = "".join(
        f"    case {index}: return {value};\n" for index, value in enumerate(values))
    return (f"\n{declaration}(size_t index) {{\n    switch (index) {{\n{cases}"
            f"    default: return {default};\n    }}\n}}\n")
