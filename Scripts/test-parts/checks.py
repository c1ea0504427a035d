"""Named checks, which are counted: on this machine, and on hosts of the lab (Scripts/lab).

A check is a command of the shell, in a table {name: command}. There are expect STATUS COMMAND..., which succeeds when the
command ends with that status, and $SHARE, the folder that this machine and the hosts have in common; on this machine
also $WORK, a folder that is removed at the end.
"""

import concurrent.futures
import os
import pathlib
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
LAB = ROOT / "Scripts/lab"
LAB_UNAVAILABLE = 69
LAB_STALLED = 75

BEFORE_EACH = """\
set -e
expect() {
  expected=$1 status=0
  shift
  "$@" || status=$?
  [ "$status" -eq "$expected" ] || { echo "status $status, expected $expected" >&2; return 1; }
}
"""
# On a host, where there is no Python: each check in a folder of its own, for at most half an hour, which is many times
# what any takes.
ON_HOST = f"""#!/bin/sh
SHARE=$PWD
export SHARE
check() {{
  folder=$(mktemp -d) status=0 start=$(date +%s)
  (cd "$folder" && timeout 1800 sh -c {shlex.quote(BEFORE_EACH)}"$2") >"$folder/printed" 2>&1 </dev/null || status=$?
  sed 's/^/        /' "$folder/printed"
  echo "check $1: status $status, $(($(date +%s) - start)) s"
}}
"""
ENDED = re.compile(r"check (\d+): status (\d+), (\d+) s")


def run(*command, **options):
    """The status, the time and the lines of a command in the project's folder."""
    start = time.monotonic()
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", **options)
    return done.returncode, time.monotonic() - start, done.stdout.splitlines()


def newest(kind):
    """The newest of the lab's kernels or of its QEMUs, for the guest or here ("kernel", "vmm", "qemu"), which is
    set up; nothing where it cannot be had."""
    # Setting up what the archive no longer has reads its index, in which another is the newest.
    for _ in range(2):
        versions = re.findall(rf"^{kind}[ -](\d+\.\d+)", "\n".join(run(LAB, "list")[2]), re.MULTILINE)
        version = versions[-1] if versions else "newer"
        part = ["--kernels", version] if kind == "kernel" else ["--parts", f"{kind}-{version}"]
        if run(LAB, "setup", *part)[0] == 0:
            return version
    print(f"SKIPPED: tests with a {kind} {version}, which cannot be had here")
    if os.environ.get("CI") == "true":
        sys.exit(1)
    return None


class Checks:
    """The checks of one script.

    work is a folder that is removed at the end, and share the one in it that is $SHARE; programs are copied to every host.
    """

    def __init__(self):
        self.name = pathlib.Path(sys.argv[0]).name
        self.results = ElementTree.Element("testsuite", name=self.name)
        self.failed = 0
        self.programs = []
        self.temporary = tempfile.TemporaryDirectory(prefix="vcpusnap-")
        self.work = pathlib.Path(self.temporary.name)
        self.new_share()
        # So that the folder goes when the script is ended.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))

    def new_share(self, *folders):
        """An empty folder that is $SHARE from now on, with these folders in it."""
        self.share = pathlib.Path(tempfile.mkdtemp(dir=self.work))
        for folder in folders:
            (self.share / folder).mkdir()

    def set_up(self, what, *arguments):
        """Sets the lab up; ends the script where that is impossible, which passes with a word of what was left out, and
        in CI fails."""
        status, _, lines = run(LAB, "setup", *arguments)
        if status != 0:
            print(*lines[-1:])
            if status != LAB_UNAVAILABLE or os.environ.get("CI") == "true":
                sys.exit(1)
            print(f"SKIPPED: {what}")
            sys.exit(0)

    def build(self, *products):
        """Builds these for the lab's hosts."""
        for product in products:
            folder = self.built(LAB, "swift-build", "--package-path", "Tests/Proofs", "--product", product,
                                "-Xswiftc", "-warnings-as-errors")
            self.programs.append(pathlib.Path(folder) / product)

    def compile(self, name, *arguments):
        """Compiles a C program for the lab's hosts."""
        self.built(LAB, "cc", "-Wall", "-Werror", "-o", self.work / name, *arguments)
        self.programs.append(self.work / name)

    def build_here(self):
        """Builds vcpusnap for the checks on this machine."""
        self.built("Scripts/build-static", self.work / "vcpusnap")

    def built(self, *command):
        """The last line of what a command prints that builds something, which must succeed."""
        status, _, lines = run(*command)
        if status != 0:
            sys.exit("\n".join(lines[-40:]))
        return "".join(lines[-1:])

    def here(self, table):
        """On this machine, in the project's folder; vcpusnap is on the PATH."""
        environment = dict(os.environ, PATH=f"{self.work}:{os.environ['PATH']}", SHARE=str(self.share), WORK=str(self.work))
        for name, command in table.items():
            self.count("here", name, *run("sh", "-c", BEFORE_EACH + command, env=environment))

    def boot(self, tables, *options):
        """On hosts of the lab, {host: table}, each of which is booted once; as many at a time as there are processors.

        A host is KERNEL-CPU, or a name without a hyphen for this machine itself, where it has KVM. The options are those of
        `Scripts/lab run`.
        """
        with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            boots = {host: pool.submit(self.booted, host, table, options) for host, table in tables.items()}
            for host, boot in boots.items():
                print(f"== {host}", flush=True)
                self.count_boot(host, tables[host], *boot.result())

    def booted(self, host, table, options):
        """What run() says of a boot in which the checks are made."""
        script = self.work / f"checks-{host}"
        script.write_text(ON_HOST + "".join(
            f"check {number} {shlex.quote(command)}\n" for number, command in enumerate(table.values())))
        script.chmod(0o755)
        kernel, _, cpu = host.partition("-")
        machine = ["--kernel", kernel, "--cpu", cpu] if cpu else []
        files = [word for file in [*self.programs, script] for word in ("--with", file)]
        command = [LAB, "run", *machine, "--share", self.share, "--timeout", "3600", *options, *files, "--", script.name]
        done = run(*command)
        if done[0] != LAB_STALLED:
            return done
        print(f"{host}: {done[2][-1]}; it is booted once more", file=sys.stderr)
        return run(*command)

    def count_boot(self, host, table, status, seconds, lines):
        names = dict(enumerate(table))
        printed = []
        for line in lines:
            if ended := ENDED.fullmatch(line):
                self.count(host, names.pop(int(ended[1])), int(ended[2]), int(ended[3]), printed)
                printed = []
            else:
                printed.append(line)
        for name in names.values():
            self.count(host, name, "unknown", 0, [])
        self.count(host, f"{host} was booted", status, seconds, printed)

    def count(self, place, name, status, seconds, printed):
        """One check that has ended."""
        case = ElementTree.SubElement(self.results, "testcase", classname=place, name=name, time=f"{seconds:.0f}")
        for line in printed:
            print(line)
        if status == 0:
            print(f"ok      {name}" + (f" ({seconds:.0f} s)" if seconds >= 1 else ""), flush=True)
        else:
            print(f"FAILED  {name} (status {status})", flush=True)
            self.failed += 1
            failure = ElementTree.SubElement(case, "failure", message=f"status {status}")
            failure.text = re.sub("[^\t\n -\ud7ff\ue000-\ufffd]", "\ufffd", "\n".join(printed))

    def finish(self):
        """Says what was counted, writes it to .build/results in JUnit's format, and ends the script."""
        file = ROOT / ".build/results" / f"{self.name}.xml"
        file.parent.mkdir(parents=True, exist_ok=True)
        self.results.attrib.update(tests=str(len(self.results)), failures=str(self.failed))
        ElementTree.ElementTree(self.results).write(file, encoding="utf-8", xml_declaration=True)
        print(f"{len(self.results) - self.failed} passed, {self.failed} failed")
        sys.exit(1 if self.failed else 0)
