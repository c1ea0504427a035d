#!/usr/bin/env python3
"""Looks whether a strict restore put back every register that it wrote, but for some.

usage: undone.py REPORT NAME...

REPORT is the JSON of `vcpusnap restore --strict`. Just the registers NAME must not have been put back, each with
a reason.
"""

import json
import sys

report = json.load(open(sys.argv[1], encoding="utf-8"))
entries = [entry for vcpu in report["vcpus"] for entry in vcpu["undo"]]
stuck = [entry for entry in entries if not entry["undone"]]
names = sorted({entry["name"] for entry in stuck})
print(f"  {len(entries)} registers were written, {len(stuck)} of them stay: {' '.join(names)}")
sys.exit(0 if names == sorted(sys.argv[2:]) and all("reason" in entry for entry in stuck) else 1)
