#!/usr/bin/env python3
"""Checks that two reports of `vcpusnap restore --format json` give every register the same outcome.

usage: same_outcomes.py REPORT.json REPORT.json
"""

import json
import sys


def outcomes(path):
    registers = json.load(open(path, encoding="utf-8"))["vcpus"][0]["registers"]
    return {r["name"]: (r["outcome"], r.get("errno"), r.get("lostBits")) for r in registers}


first, second = (outcomes(path) for path in sys.argv[1:3])
different = [n for n in sorted(first.keys() | second.keys()) if first.get(n) != second.get(n)]
for name in different:
    print(f"  FAILED {name}: {first.get(name)} and {second.get(name)}")
print(f"  {len(first)} registers, {len(different)} with different outcomes")
sys.exit(1 if different else 0)
