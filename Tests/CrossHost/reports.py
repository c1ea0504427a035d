#!/usr/bin/env python3
"""Looks at reports of `vcpusnap restore --format json`.

usage: reports.py same REPORT REPORT      whether both give every register the same outcome
       reports.py undone REPORT NAME...   whether a strict restore put back what it wrote, but for just these, with reasons
       reports.py restored NAMES REPORT...   whether all registers of these names (one word) hold what was wanted in all
"""

import json
import sys


def registers(path, key):
    with open(path, encoding="utf-8") as file:
        return [register for vcpu in json.load(file)["vcpus"] for register in vcpu[key]]


def same(*paths):
    first, second = ({r["name"]: (r["outcome"], r.get("errno"), r.get("lostBits")) for r in registers(path, "registers")}
                     for path in paths)
    different = [name for name in sorted(first | second) if first.get(name) != second.get(name)]
    for name in different:
        print(f"  FAILED {name}: {first.get(name)} and {second.get(name)}")
    print(f"  {len(first)} registers, {len(different)} with different outcomes")
    return not different


def undone(path, *expected):
    entries = registers(path, "undo")
    stuck = {entry["name"]: entry for entry in entries if not entry["undone"]}
    print(f"  {len(entries)} registers were written, {len(stuck)} of them stay: {' '.join(sorted(stuck))}")
    return set(stuck) == set(expected) and all("reason" in entry for entry in stuck.values())


def restored(names, *paths):
    found = [(path, register) for path in paths for register in registers(path, "registers")
             if register["name"] in names.split()]
    lost = [(path, register) for path, register in found if register["outcome"] not in ("restored", "already-equal")]
    for path, register in lost:
        print(f"  FAILED {path}: {register['name']} {register['outcome']}, wanted {register['wanted']}")
    taken = sum(register["outcome"] == "restored" for _, register in found)
    print(f"  {len(paths)} reports, {len(found)} registers, {taken} of them written, {len(lost)} lost")
    return taken and not lost


sys.exit(0 if {"same": same, "undone": undone, "restored": restored}[sys.argv[1]](*sys.argv[2:]) else 1)
