#!/usr/bin/env python3
"""Compares the account of `vcpusnap restore --format json` with that of the plain C program regdiff,
register by register, and checks what the account says.

usage: compare.py REPORT.json REGDIFF.txt [--absent NAME]... [--refused NAME]...

The named registers must be absent or refused. Losses may only be what another kernel or another CPU
explains: registers that are absent, and ID, cache or firmware registers that are refused. Every loss
needs a reason. Prints "N passed, N failed"; exit status 1 when anything failed.
"""

import argparse
import json
import sys

# The outcomes of regdiff, and ours for the same thing.
SAME = {
    "absent": {"absent"},
    "equal": {"already-equal"},
    "restored": {"restored"},
    "refused": {"refused"},
    "changed": {"kept-but-masked", "accepted-then-changed"},
    "volatile": {"volatile"},
    "skipped": {"skipped"},
}
LOSSES = {"refused", "absent", "kept-but-masked", "accepted-then-changed"}
GROUP = 0xFFF0000


def is_identity(register):
    """Whether an ID register, a cache register or a firmware register."""
    number = int(register["id"], 16)
    space = (number & GROUP) >> 16
    name = register["name"]
    return space in (0x11, 0x14, 0x16) or space == 0x13 and (
        name.startswith(("ID_", "MVFR", "MIDR", "REVIDR", "AIDR", "CTR", "CLIDR", "S3_0_C0_")))


def regdiff_outcomes(path):
    """The outcome and errno of each id, and the totals."""
    outcomes, totals = {}, {}
    for line in open(path, encoding="utf-8"):
        if "=" in line:
            key, value = line.strip().split("=")
            totals[key] = int(value)
        elif line.startswith("0x"):
            number, outcome, *rest = line.split()
            outcomes[number] = (outcome, rest)
    return outcomes, totals


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("report")
    parser.add_argument("regdiff")
    parser.add_argument("--absent", action="append", default=[])
    parser.add_argument("--refused", action="append", default=[])
    arguments = parser.parse_args()

    passed, failures = 0, []

    def check(condition, message):
        nonlocal passed
        if condition:
            passed += 1
        else:
            failures.append(message)

    registers = json.load(open(arguments.report, encoding="utf-8"))["vcpus"][0]["registers"]
    ours = {r["id"]: r for r in registers}
    theirs, totals = regdiff_outcomes(arguments.regdiff)

    check(len(theirs) > 300, f"regdiff accounted for {len(theirs)} registers")
    for number, (outcome, rest) in theirs.items():
        register = ours.get(number)
        if register is None:
            failures.append(f"{number}: regdiff says {outcome}, the report does not have it")
            continue
        check(register["outcome"] in SAME[outcome],
              f"{register['name']}: {register['outcome']}, regdiff says {outcome} {rest}")
        if outcome == "refused":
            check(register.get("errno") in rest, f"{register['name']}: {register} against {rest}")
    for outcome, total in totals.items():
        if outcome in SAME:
            listed = sum(1 for n in theirs if ours.get(n, {}).get("outcome") in SAME[outcome])
            check(listed == total, f"{outcome}: {listed} here, {total} in regdiff")

    for outcome in ("absent", "refused"):
        names = {r["name"] for r in registers if r["outcome"] == outcome}
        for name in getattr(arguments, outcome):
            check(name in names, f"{name} should be {outcome}")
    for register in registers:
        if register["outcome"] not in LOSSES:
            continue
        check(register.get("reason"), f"{register['name']}: lost without a reason")
        check(register["outcome"] == "absent" or is_identity(register),
              f"{register['name']}: {register['outcome']} is not explained by another host")

    for failure in failures:
        print(f"  FAILED {failure}")
    print("  regdiff: " + " ".join(f"{key}={value}" for key, value in totals.items()))
    print(f"  {passed} passed, {len(failures)} failed")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
