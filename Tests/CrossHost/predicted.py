#!/usr/bin/env python3
"""Compares what `vcpusnap plan` said with what `vcpusnap restore` on real KVM did, register by register.

usage: predicted.py VCPUSNAP FOLDER [HOST...]

FOLDER has a profile HOST.vhost for each host, snapshots (HOST.KIND, or other names with a dot), and for each host a
folder HOST with SNAPSHOT.json, the report of the real restore there. A register is predicted right when its outcome,
errno, lost bits and reason are the same, and its value afterward, unless it moves by itself.

Reasons are not compared on each HOST named, whose kernel does what another version does: the restore there explains
by the version, and plan by what was recorded.
"""

import collections
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys


def verdicts(report, has_reasons):
    """What a report says of each register of each vCPU, and of the VM itself where it says something of that."""
    result = {}
    for unit in report["vcpus"] + [report[key] for key in ["vm"] if key in report]:
        for register in unit["registers"]:
            outcome = register["outcome"]
            moves = outcome == "volatile" or register["name"].startswith(("CNT", "CLOCK_", "PMEVCNTR", "PMCCNTR_"))
            result[f"vCPU {unit['index']}" if "index" in unit else "VM", register["name"]] = (
                outcome, register.get("errno"), register.get("lostBits"),
                register.get("reason") if has_reasons else None,
                None if moves else register.get("found"))
    return result


def plan(program, snapshot, profile):
    run = subprocess.run(
        [program, "plan", str(snapshot), "--host", str(profile), "--policy", "exact",
         "--show-keys", "--format", "json"], capture_output=True, text=True, check=False)
    if run.returncode > 1:
        sys.exit(f"plan of {snapshot.name} on {profile.name}: {run.stderr}")
    return json.loads(run.stdout)["hosts"][0]


program, folder, unexplained = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3:]
pairs = [(profile, real) for profile in sorted(folder.glob("*.vhost"))
         for real in sorted((folder / profile.stem).glob("*.json"))]
right, wrong, outcomes = 0, [], collections.Counter()
with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
    plans = pool.map(lambda pair: plan(program, folder / pair[1].stem, pair[0]), pairs)
    for (profile, real), planned in zip(pairs, plans):
        has_reasons = profile.stem not in unexplained
        actual = verdicts(json.loads(real.read_text()), has_reasons)
        predicted = verdicts(planned, has_reasons)
        for key in actual.keys() | predicted.keys():
            if actual.get(key) == predicted.get(key):
                right += 1
                outcomes[actual[key][0]] += 1
            else:
                wrong.append((real.stem, profile.stem, key, predicted.get(key), actual.get(key)))
for snapshot, host, (unit, name), predicted, actual in wrong[:20]:
    print(f"  WRONG {snapshot} on {host}, {unit}, {name}: predicted {predicted}, was {actual}")
counts = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.most_common())
moves = {(real.stem.rpartition(".")[0], profile.stem) for profile, real in pairs}
hosts = {source for source, _ in moves} & {target for _, target in moves}
print(f"  {sum(hosts.issuperset(move) for move in moves)} ordered pairs of {len(hosts)} hosts, {len(pairs)} restores, "
      f"{right + len(wrong)} registers compared: {len(wrong)} differences between plan and restore")
print(f"  ({counts})")
sys.exit(1 if wrong or not right else 0)
