#!/usr/bin/env python3
"""Types beginnings of command lines into shells, presses the tab key, and compares what the lines have become.
usage: drive.py SHELL...      the completions are installed, and vcpusnap is on the PATH
"""

import os
import pathlib
import pty
import select
import shutil
import sys
import tempfile
import time

# How each shell is started without anyone's set-up, and what makes it complete by what packages installed.
STARTS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], ". /usr/share/bash-completion/bash_completion"),
    "zsh": (["zsh", "-f", "-i"], "autoload -U compinit; compinit -u -D; bindkey -e"),
    "fish": (["fish", "--private", "--no-config"], "source /usr/share/fish/vendor_completions.d/vcpusnap.fish"),
}

FILES = [
    "saved.vcpusnap", "with space.vcpusnap", "$(touch evil).vcpusnap",
    "it's.vcpusnap", "rack7.vhost", "ours.vpolicy",
]

# What is typed, and the words that it becomes, without the first.
CASES = [
    ("veri", ["verify"]),
    ("show ", ["show"]),
    ("show sav", ["show", "saved.vcpusnap"]),
    ("show with", ["show", "with space.vcpusnap"]),
    (r"show with\ sp", ["show", "with space.vcpusnap"]),
    ("show '$(", ["show", "$(touch evil).vcpusnap"]),
    ("show it", ["show", "it's.vcpusnap"]),
    ("diff saved.vcpusnap with", ["diff", "saved.vcpusnap", "with space.vcpusnap"]),
    ("show fold", ["show", "folder/"]),
    ("show folder/in", ["show", "folder/inner.vcpusnap"]),
    ("save kv", ["save", "kvm:"]),
    ("save emulated:6.1-a", ["save", "emulated:6.1-a64fx"]),
    ("restore saved.vcpusnap emulated:6.1-a", ["restore", "saved.vcpusnap", "emulated:6.1-a64fx"]),
    ("save qmp:folder/so", ["save", "qmp:folder/socket"]),
    ("diff emulated:6.1-max emulated:6.1-a", ["diff", "emulated:6.1-max", "emulated:6.1-a64fx"]),
    ("save kvm: -o sav", ["save", "kvm:", "-o", "saved.vcpusnap"]),
    ("register SCTLRM", ["register", "SCTLRMASK_EL1"]),
    ("register tpidrr", ["register", "tpidrro_el0"]),
    ("register ESR_EL1.E", ["register", "ESR_EL1.EC"]),
    ("register x0 sctlr_el1.tidc", ["register", "x0", "sctlr_el1.tidcp"]),
    ("show saved.vcpusnap -r TPIDRR", ["show", "saved.vcpusnap", "-r", "TPIDRRO_EL0"]),
    ("set saved.vcpusnap x0=1 TPIDRR", ["set", "saved.vcpusnap", "x0=1", "TPIDRRO_EL0="]),
    ("set saved.vcpusnap SCTLR_EL1.TIDC", ["set", "saved.vcpusnap", "SCTLR_EL1.TIDCP="]),
    ("plan saved.vcpusnap --host 6.1-a", ["plan", "saved.vcpusnap", "--host", "6.1-a64fx"]),
    ("plan saved.vcpusnap --host rac", ["plan", "saved.vcpusnap", "--host", "rack7.vhost"]),
    ("plan x --host 6.1-max --policy exa", ["plan", "x", "--host", "6.1-max", "--policy", "exact"]),
    ("plan saved.vcpusnap --policy our", ["plan", "saved.vcpusnap", "--policy", "ours.vpolicy"]),
    ("plan emulated:6.1-max --format js", ["plan", "emulated:6.1-max", "--format", "json"]),
    ("host 6.1-a", ["host", "6.1-a64fx"]),
    ("matrix 6.1-a", ["matrix", "6.1-a64fx"]),
    ("baseline rac", ["baseline", "rack7.vhost"]),
]


class Shell:
    """A shell at a terminal, in a folder."""

    def __init__(self, name, folder):
        words, setting_up = STARTS[name]
        environment = dict(os.environ, TERM="dumb", HOME=folder, LC_ALL="C.UTF-8")
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            os.chdir(folder)
            os.execvpe(words[0], words, environment)
        self.record = pathlib.Path(folder, "words")
        self.send(f"{setting_up}; echo rea''dy\r", "ready")

    def send(self, keys, mark):
        """Presses keys, and waits until something is printed."""
        os.write(self.terminal, keys.encode())
        seen, end = "", time.monotonic() + 10
        while mark not in seen:
            if not select.select([self.terminal], [], [], max(0, end - time.monotonic()))[0]:
                raise TimeoutError(f"after {keys!r} the shell printed {seen!r}")
            seen += os.read(self.terminal, 65536).decode(errors="replace")

    def completed(self, typed):
        """The words that a line becomes at the tab key: it is made the arguments of a program that writes them down."""
        self.record.write_text("")
        try:
            self.send(f"vcpusnap {typed}\t\x01./record \r", "recorded")
        except TimeoutError:
            self.send("\x03\recho aga''in\r", "again")
        return self.record.read_text().split("\n")[1:-1]

    def close(self):
        os.close(self.terminal)
        os.waitpid(self.process, 0)


def failures(name):
    with tempfile.TemporaryDirectory() as folder:
        for file in FILES:
            pathlib.Path(folder, file).touch()
        pathlib.Path(folder, "folder").mkdir()
        pathlib.Path(folder, "folder/inner.vcpusnap").touch()
        pathlib.Path(folder, "folder/socket").touch()
        pathlib.Path(folder, "record").write_text("#!/bin/sh\nprintf '%s\\n' \"$@\" >words; echo record''ed\n")
        pathlib.Path(folder, "record").chmod(0o755)
        shell = Shell(name, folder)
        for typed, expected in CASES:
            words = shell.completed(typed)
            if words != expected:
                yield f"{name}: vcpusnap {typed}<TAB> became {words}, not {expected}"
        shell.close()
        if pathlib.Path(folder, "evil").exists():
            yield f"{name} ran what stands in a file's name"


def main():
    missing = [name for name in sys.argv[1:] if shutil.which(name) is None]
    present = [name for name in sys.argv[1:] if name not in missing]
    found = [line for name in present for line in failures(name)]
    print("".join(f"{line}\n" for line in found), end="")
    print(f"{len(CASES)} lines completed in each of: {', '.join(present)}")
    for name in missing:
        print(f"{name} is missing: its completions were not tried")
    if found or missing and os.environ.get("CI") == "true":
        sys.exit(1)


if __name__ == "__main__":
    main()
