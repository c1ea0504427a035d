"""Embeds files of lines: those that many of them have stand once."""

import c_source
from records import DataError


def source(kind, origin, paths):
    """The C file that holds the files and the accessors declared in include/<kind>s.h."""
    pool = {}
    files = []
    for path in paths:
        text = path.read_text(encoding="ascii")
        if not text.endswith("\n"):
            raise DataError(f"{path.name}: the last line has no end")
        lines = text.split("\n")[:-1]
        files.append([pool.setdefault(line, len(pool)) for line in lines])
    if len(pool) > 1 << 16:
        raise DataError(f"{origin} have more than 65536 different lines")
    return "".join([
        c_source.BANNER.format(origin=origin), f'\n#include "{kind}s.h"\n\n#include <stdint.h>\n\n',
        text_of(pool), numbers("uint32_t", "starts", starts(pool)), *runs(files),
        accessors(kind, paths, files)])


def text_of(pool):
    lines = "\n".join(f"    {c_source.quoted(line + chr(10))}" for line in pool)
    return f"static const char text[] =\n{lines};\n"


def starts(pool):
    """Where each line starts in the text, and where the last one ends."""
    result = [0]
    for line in pool:
        result.append(result[-1] + len(line) + 1)
    return result


def runs(files):
    for index, lines in enumerate(files):
        yield numbers("uint16_t", f"lines_{index}", lines)


def numbers(kind, name, values):
    rows = [values[start:start + 16] for start in range(0, len(values), 16)]
    body = "\n".join("    " + " ".join(f"{value}," for value in row) for row in rows)
    return f"\nstatic const {kind} {name}[] = {{\n{body}\n}};\n"


def accessors(kind, paths, files):
    rows = "".join(
        f"    {{{c_source.quoted(path.stem)}, lines_{index}, {len(lines)}}},\n"
        for index, (path, lines) in enumerate(zip(paths, files)))
    return f"""
static const struct {{
    const char *name;
    const uint16_t *lines;
    size_t line_count;
}} files[] = {{
{rows}}};

size_t cformat_{kind}_count(void)
{{
    return {len(paths)};
}}

const char *cformat_{kind}_name(size_t index)
{{
    return index < {len(paths)} ? files[index].name : 0;
}}

size_t cformat_{kind}_line_count(size_t index)
{{
    return index < {len(paths)} ? files[index].line_count : 0;
}}

const char *cformat_{kind}_line(size_t index, size_t line, size_t *length)
{{
    size_t number;

    if (line >= cformat_{kind}_line_count(index))
        return 0;
    number = files[index].lines[line];
    *length = starts[number + 1] - starts[number];
    return text + starts[number];
}}
"""
