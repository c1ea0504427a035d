#!/usr/bin/env python3
"""Mends internal snapshots of qcow2 images for another QEMU, which must load them.

usage: snapshots.py VCPUSNAP QEMU-IMG QEMU QEMU

The first QEMU saves two snapshots of a VM that has not run; each is mended for the second, in a copy and in place, in images of
several cluster sizes. qemu-img must find nothing wrong with the result, the second QEMU must load the snapshot that was mended, and the
first QEMU the other one. What unmend restores is the old image.
"""

import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True

from qemu import VM, QEMUError

CPU, MACHINE = "cortex-a57", "virt-7.2"
CLUSTERS = [512, 4096, 65536]


def version(program):
    return re.search(r"version ([\d.]+)", subprocess.run([program, "--version"], capture_output=True, text=True).stdout)[1]


def vm(program, folder, image, *more):
    return VM(program, ["-accel", "tcg", "-M", MACHINE, "-cpu", CPU, "-m", "16", "-S", "-drive",
                        f"if=none,id=disk,file={image},format=qcow2", "-device", "virtio-blk-pci,drive=disk", *more], folder)


def save(program, image, names):
    with tempfile.TemporaryDirectory(prefix="snap-") as folder, vm(program, folder, image) as machine:
        for name in names:
            answer = machine.monitor(f"savevm {name}")
            if answer.strip():
                raise QEMUError(answer)
        machine.command("quit")
        machine.process.wait(20)


def load(program, image, name):
    """What QEMU says, or nothing if it loads the snapshot."""
    with tempfile.TemporaryDirectory(prefix="snap-") as folder:
        copy = pathlib.Path(folder) / "image"
        shutil.copy(image, copy)
        try:
            with vm(program, folder, copy, "-loadvm", name) as machine:
                return "" if machine.command("query-status")["status"] in ("paused", "prelaunch") else machine.log()
        except QEMUError as error:
            return str(error)


class Check:
    failures = 0

    def expect(self, what, is_so, detail=""):
        print(f"{'ok  ' if is_so else 'FAIL'} {what}{'' if is_so else ': ' + str(detail)}", flush=True)
        self.failures += not is_so

    def run(self, what, *command, status=0):
        run = subprocess.run(command, capture_output=True, text=True)
        self.expect(what, run.returncode == status, run.stdout + run.stderr)
        return run.stdout


def snapshots(check, tool, image_tool, source, target, folder, clusters):
    image, copy = folder / f"{clusters}.qcow2", folder / f"{clusters}-mended.qcow2"
    subprocess.run([image_tool, "create", "-q", "-f", "qcow2", "-o", f"cluster_size={clusters}", image, "64M"], check=True)
    save(source, image, ["first", "second"])
    for name, other in [("first", "second"), ("second", "first")]:
        title = f"clusters of {clusters}, {name}"
        mend = [tool, "mend", str(image), "--snapshot", name, "--for-qemu", version(target), "--tcg", CPU, "--policy", "force"]
        check.expect(f"{title}: {version(target)} does not load it", load(target, image, name) != "")
        check.run(f"{title}: it is mended", *mend, "-o", str(copy))
        check.run(f"{title}: qemu-img finds nothing wrong", image_tool, "check", str(copy))
        listed = check.run(f"{title}: it is listed", image_tool, "snapshot", "-l", str(copy))
        check.expect(f"{title}: both are there", "first" in listed and "second" in listed, listed)
        check.expect(f"{title}: {version(target)} loads it", not load(target, copy, name), load(target, copy, name))
        check.expect(f"{title}: {version(source)} loads the other", not load(source, copy, other), load(source, copy, other))
        original = image.read_bytes()
        check.run(f"{title}: it is mended in place", *mend, "--in-place")
        check.expect(f"{title}: to the same", image.read_bytes() == copy.read_bytes())
        check.run(f"{title}: unmend", tool, "unmend", str(image))
        check.expect(f"{title}: restores it", image.read_bytes() == original)


def main():
    if len(sys.argv) != 5:
        sys.exit(__doc__)
    tool, image_tool, source, target = sys.argv[1:]
    check = Check()
    with tempfile.TemporaryDirectory(prefix="snapshots-") as folder:
        for clusters in CLUSTERS:
            snapshots(check, tool, image_tool, source, target, pathlib.Path(folder), clusters)
    return 1 if check.failures else 0


if __name__ == "__main__":
    sys.exit(main())
