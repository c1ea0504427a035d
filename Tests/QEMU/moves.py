#!/usr/bin/env python3
"""Compares what QEMU did with streams, and every line that it printed, with what `vcpusnap plan --qemu` said.

usage: moves.py VCPUSNAP FOLDER VERSION

FOLDER has a profile HOST.vhost for each host, the folder streams, and for each host a folder HOST-VERSION in which
moves.sh wrote what QEMU of that version did there with some of the streams. Where one was loaded every register is
compared, too. A stream that has a host's name was saved there.
"""

import concurrent.futures
import os
import pathlib
import sys

sys.dont_write_bytecode = True
import held  # noqa: E402

PROGRAM = "qemu-system-aarch64: "


class Move:
    """One stream on one host: what plan said, and what QEMU did."""

    def __init__(self, program, stream, profile, said, version):
        self.stream, self.host = stream.name, profile.stem
        end, *lines = said.read_text().splitlines()
        options = ["--undescribed"] if stream.name.startswith("bare-") else []
        plan = held.planned(program, str(stream), str(profile), version, *options)
        self.was = ["fails" if end == "1" else end, *(line.removeprefix(PROGRAM) for line in lines)]
        self.said = ["fails" if plan["verdict"] == "fails" else "loaded", *plan["output"]]
        self.equal, self.differences = 0, []
        if end == "loaded" and self.said[0] == "loaded":
            self.equal, _, self.differences = held.compared(program, plan, str(said.with_suffix(".resaved")))

    @property
    def is_right(self):
        return self.said == self.was and not self.differences

    def explain(self):
        print(f"        WRONG {self.stream} on {self.host}")
        for who, one, other in (("plan", self.said, self.was), ("QEMU", self.was, self.said)):
            for line in one:
                if line not in other:
                    print(f"          only {who} says: {line}")
        for line in self.differences[:20]:
            print(f"          {line}")


def main():
    program, folder, version = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
    hosts = sorted(folder.glob("*.vhost"))
    found = [(program, folder / "streams" / said.stem, host, said, version)
             for host in hosts for said in sorted((folder / f"{host.stem}-{version}").glob("*.said"))]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        moves = list(pool.map(lambda arguments: Move(*arguments), found))
    for move in moves:
        if not move.is_right:
            move.explain()
    names = {host.stem for host in hosts}
    for what, some in (("moves between hosts", [move for move in moves if move.stream in names]),
                       ("streams that no host saves", [move for move in moves if move.stream not in names])):
        print(f"        QEMU {version}, {what}: {sum(move.is_right for move in some)} of {len(some)} as planned, "
              f"{sum(len(move.was) - 1 for move in some)} lines, {sum(move.equal for move in some)} registers")
    return 0 if moves and all(move.is_right for move in moves) else 1


if __name__ == "__main__":
    sys.exit(main())
