"""Layouts that were considered for the VCPU chunk, each as a function from vCPUs to bytes.

All but `chosen` expect every vCPU to have the same registers, as the measured states do.
"""

import struct

import vcpusnap
from vcpusnap import SAME


def table(vcpus):
    return b"".join(struct.pack("<Q", register) for register in sorted(vcpus[0][1]))


def gap_table(vcpus):
    return vcpusnap.gaps(sorted(vcpus[0][1]))


def columns(vcpus):
    return [[registers[register] for _, registers in vcpus] for register in sorted(vcpus[0][1])]


def rows(vcpus):
    return list(zip(*columns(vcpus)))


def joined(groups):
    return b"".join(value for group in groups for value in group)


def xor(value, other):
    return bytes(left ^ right for left, right in zip(value, other))


def changes(column):
    return [xor(value, before) for value, before in zip(column[1:], column)]


def planes(values):
    text = b"".join(values)
    return b"".join(text[place::len(values[0])] for place in range(len(values[0]))) if values else b""


def ids_and_rows(vcpus):
    return table(vcpus) + joined(rows(vcpus))


def rows_gap_ids(vcpus):
    return gap_table(vcpus) + joined(rows(vcpus))


def columns_as_they_are(vcpus):
    return gap_table(vcpus) + joined(columns(vcpus))


def columns_xor(vcpus):
    every = columns(vcpus)
    return gap_table(vcpus) + joined([column[0]] for column in every) + joined(map(changes, every))


def columns_xor_planes(vcpus):
    every = columns(vcpus)
    return (gap_table(vcpus) + joined([column[0]] for column in every)
            + b"".join(planes(changes(column)) for column in every))


def row_planes(vcpus):
    text = gap_table(vcpus)
    for row in rows(vcpus):
        for size in sorted({len(value) for value in row}):
            text += planes([value for value in row if len(value) == size])
    return text


def coded(vcpus, code, order):
    """Codes row after row, then values row after row or column after column."""
    cells = []
    for column in columns(vcpus):
        cells.append([code(value, column[:place], max(1, len(value) // 128))
                      for place, value in enumerate(column)])
    text = gap_table(vcpus) + bytes(cell[0] for row in zip(*cells) for cell in row)
    return text + b"".join(cell[1] for group in (zip(*cells) if order == "rows" else cells)
                           for cell in group)


def without_zeros(value, _, step):
    count = -(-len(value.rstrip(b"\0")) // step)
    return count, value[:count * step]


def same_or_without_zeros(value, earlier, step):
    return (SAME, b"") if earlier and value == earlier[-1] else without_zeros(value, earlier, step)


CANDIDATES = {
    "ids of 8 bytes; values row after row": ids_and_rows,
    "ids as gaps; values row after row": rows_gap_ids,
    "… values column after column": columns_as_they_are,
    "… columns, XOR with the vCPU before": columns_xor,
    "… columns, XOR, byte planes": columns_xor_planes,
    "… rows, byte planes": row_planes,
    "… rows without trailing zeros": lambda vcpus: coded(vcpus, without_zeros, "rows"),
    "… and *same*, rows": lambda vcpus: coded(vcpus, same_or_without_zeros, "rows"),
    "… and *same*, columns": lambda vcpus: coded(vcpus, same_or_without_zeros, "columns"),
    "… and *same* and *step*, rows": lambda vcpus: coded(vcpus, vcpusnap.code, "rows"),
    "… and *same* and *step*, columns (chosen)": vcpusnap.vcpu_payload,
}
