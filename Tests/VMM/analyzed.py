#!/usr/bin/env python3
"""Prints a stream of QEMU as scripts/analyze-migration.py does (Formats/qemu-stream.md, section 7).

usage: analyzed.py STREAM FILE

The stream has a description; its RAM is left out.
"""

import json
import struct
import sys

FULL, SUBSECTION, DESCRIPTION, FOOTER = 4, 5, 6, 0x7e
SIGNED = {"int8", "int16", "int32", "int32 equal", "int64", "int64 equal"}
UNSIGNED = {"uint8", "uint16", "uint32", "uint64", "uint8 equal", "uint16 equal", "uint32 equal"}


def description(stream):
    end = len(stream.rstrip(b"\0"))
    for place in range(end - 6, 0, -1):
        if stream[place] == DESCRIPTION and place + 5 + int.from_bytes(stream[place + 1:place + 5], "big") == end:
            return place, json.loads(stream[place + 5:end])
    raise SystemExit("no description")


def text(field, raw):
    number = int.from_bytes(raw, "big")
    if field["type"] == "bool":
        return raw != b"\0"
    if field["type"] in UNSIGNED or field["type"] in SIGNED:
        shown = f"0x{number:0{2 * len(raw)}x}"
        is_negative = field["type"] in SIGNED and raw[0] & 0x80
        return f"{shown} ({number - (1 << 8 * len(raw))})" if is_negative else shown
    return " ".join(f"{byte:02x}" for byte in raw)


def state(part, stream, place):
    result = {}
    for field in part["fields"]:
        values = []
        for _ in range(field.get("array_len", 1)):
            if "struct" in field:
                value, place = state(field["struct"], stream, place)
            else:
                value = text(field, stream[place:place + field["size"]])
                place += field["size"]
            values.append(value)
        known = result.get(field["name"])
        if known is not None:
            values = (known if isinstance(known, list) else [known]) + values
        result[field["name"]] = values if len(values) > 1 else values[0] if values else ""
    for below in part.get("subsections", []):
        name = stream[place + 2:place + 2 + stream[place + 1]].decode()
        result[name], place = state(below, stream, place + 6 + len(name))
    return result, place


def length(part):
    own = sum(field["size"] * field.get("array_len", 1) for field in part["fields"])
    return own + sum(6 + len(below["vmsd_name"]) + length(below) for below in part.get("subsections", []))


def main():
    stream = open(sys.argv[1], "rb").read()
    place, whole = description(stream)
    place -= 1
    found = []
    for device in reversed(whole["devices"]):
        size = length(device) if "vmsd_name" in device else device["size"]
        body = place - 5 - size
        start = body - 14 - len(device["name"])
        if stream[start] != FULL or stream[place - 5] != FOOTER:
            break
        key = f'{device["name"]} ({struct.unpack(">I", stream[start + 1:start + 5])[0]})'
        if "vmsd_name" in device:
            found.append((key, state(device, stream, body)[0]))
        place = start
    result = {"ram (2)": {"section sizes": {"mach-virt.ram": "0x0000000008000000"}}} | dict(reversed(found))
    with open(sys.argv[2], "w") as file:
        json.dump(result, file, indent=4, separators=(",", ": "))


main()
