"""Reads JSON Lines data and reports what is wrong with it by file and line."""

import json
import re


class DataError(Exception):
    """Something in Formats is not as its README says."""


class Record(dict):
    """One line of a data file; knows where it stands."""

    def __init__(self, values, place):
        super().__init__(values)
        self.place = place

    def fail(self, problem):
        raise DataError(f"{self.place}: {problem}")


def read(path, required, optional=()):
    """The records of one file, each with all required keys and no key outside the two lists."""
    records = list(unchecked(path))
    for record in records:
        for key in required:
            if key not in record:
                record.fail(f"key {key!r} is missing")
        for key in record:
            if key not in required and key not in optional:
                record.fail(f"key {key!r} is not known")
    return records


def unchecked(path):
    """The records of a file whose keys are checked elsewhere."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        place = f"{path.name}:{number}"
        try:
            values = json.loads(line)
        except ValueError as error:
            raise DataError(f"{place}: not JSON: {error}") from error
        yield Record(values, place)


def number(record, key, default=None):
    """A 64-bit number written as a hexadecimal string."""
    if key not in record:
        return default
    text = record[key]
    if not isinstance(text, str) or not re.fullmatch(r"0x[0-9a-f]{1,16}", text):
        record.fail(f"{key} {text!r} is not a hexadecimal string of at most 64 bits")
    return int(text, 16)


def version(record, key, default=0):
    """A kernel version packed as major, minor (8 bits each) and patch (16 bits)."""
    if key not in record:
        return default
    match = re.fullmatch(r"(\d{1,2})\.(\d{1,2})(?:\.(\d{1,4}))?", str(record[key]))
    if not match:
        record.fail(f"{key} {record[key]!r} is not a kernel version")
    major, minor, patch = (int(part or 0) for part in match.groups())
    return major << 24 | minor << 16 | patch


def choice(record, key, names, default=None):
    """The position of a word in a fixed list."""
    if key not in record and default is not None:
        return names.index(default)
    if record[key] not in names:
        record.fail(f"{key} {record[key]!r} is none of {', '.join(names)}")
    return names.index(record[key])
