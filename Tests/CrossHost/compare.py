#!/usr/bin/env python3
"""Compares the account of `vcpusnap restore --format json` with that of the plain C program regdiff,
register by register, and checks what the account says.

usage: compare.py REPORT.json REGDIFF.txt [--absent NAME]... [--refused NAME]...

The named registers must be absent or refused. Losses may only be what another kernel or another CPU
explains: registers that are absent, and ID, cache or firmware registers that are refused. Every loss
needs a reason. Prints what is wrong; exit status 1 when anything is.
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


def failures(registers, theirs, totals, arguments):
    """What is wrong with the account of these registers."""
    ours = {register["id"]: register for register in registers}
    if len(theirs) <= 300:
        yield f"regdiff accounted for {len(theirs)} registers"
    for number, (outcome, rest) in theirs.items():
        register = ours.get(number)
        if register is None:
            yield f"{number}: regdiff says {outcome}, the report does not have it"
        elif register["outcome"] not in SAME[outcome]:
            yield f"{register['name']}: {register['outcome']}, regdiff says {outcome} {rest}"
        elif outcome == "refused" and register.get("errno") not in rest:
            yield f"{register['name']}: {register} against {rest}"
    for outcome in SAME.keys() & totals.keys():
        listed = sum(ours.get(number, {}).get("outcome") in SAME[outcome] for number in theirs)
        if listed != totals[outcome]:
            yield f"{outcome}: {listed} here, {totals[outcome]} in regdiff"
    for outcome in ("absent", "refused"):
        names = {register["name"] for register in registers if register["outcome"] == outcome}
        for name in set(getattr(arguments, outcome)) - names:
            yield f"{name} should be {outcome}"
    for register in registers:
        if register["outcome"] in LOSSES and not register.get("reason"):
            yield f"{register['name']}: lost without a reason"
        if register["outcome"] in LOSSES - {"absent"} and not is_identity(register):
            yield f"{register['name']}: {register['outcome']} is not explained by another host"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("report")
    parser.add_argument("regdiff")
    parser.add_argument("--absent", action="append", default=[])
    parser.add_argument("--refused", action="append", default=[])
    arguments = parser.parse_args()
    with open(arguments.report, encoding="utf-8") as file:
        registers = json.load(file)["vcpus"][0]["registers"]
    theirs, totals = regdiff_outcomes(arguments.regdiff)
    failed = list(failures(registers, theirs, totals, arguments))
    for failure in failed:
        print(f"  FAILED {failure}")
    print("  regdiff: " + " ".join(f"{key}={value}" for key, value in totals.items()))
    print(f"  {len(theirs)} registers, {len(failed)} failures")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
