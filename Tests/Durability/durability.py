#!/usr/bin/env python3
"""What is on the disk after kills, errors and full disks: the old or the new file, whole.

usage: durability.py PROGRAM SHIM STREAM [--kills N] [--seed N] [--every]
SHIM is failing.c, compiled; STREAM a QEMU stream that mend changes for HOST. --every makes each call fail in each way,
not only the first and the last of its kind. Prints what was tried and how often; exits 1 if anything was lost.
"""
import argparse, collections, errno, os, random, re, shutil, signal, subprocess, sys, tempfile, time

HOST = "6.1-neoverse-n1"
LEFTOVER = re.compile(r"\.vcpusnap-[0-9a-f]{16}$")
NOBODY = 65534

counts = collections.Counter()
failures = []


def contents(path):
    with open(path, "rb") as file:
        return file.read()


def put(path, data):
    with open(path, "wb") as file:
        file.write(data)


class Job:
    """A command that changes the file FILE of a folder: what is there before, and what may be there after."""

    def __init__(self, bench, name, words, before, after):
        self.bench, self.name, self.words, self.before, self.after = bench, name, words, before, after

    def prepare(self, folder):
        for name, data in self.before.items():
            put(os.path.join(folder, name), data)
            os.chmod(os.path.join(folder, name), 0o600)

    def start(self, folder, environment=(), **options):
        words = [self.bench.program] + [word.replace("@", folder + "/") for word in self.words]
        return subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            env=dict(environment), **options)

    def run(self, folder, environment=(), **options):
        process = self.start(folder, environment, **options)
        _, errors = process.communicate()
        return process.returncode, errors.decode(errors="replace")


class Bench:
    """The program, and what is done with it in folders of its own."""

    def __init__(self, program, shim, stream, scratch):
        self.program, self.shim, self.scratch = program, shim, scratch
        self.jobs = self.make_jobs(contents(stream))

    def call(self, *words):
        done = subprocess.run([self.program, *words], capture_output=True, env={})
        if done.returncode not in (0, 1):
            sys.exit(f"durability: {words}: {done.stderr.decode()}")

    def folder(self):
        return tempfile.mkdtemp(dir=self.scratch)

    def make_jobs(self, stream):
        folder = self.folder()
        one, two, three = (os.path.join(folder, name) for name in ("one", "two", "three"))
        self.call("save", "emulated:6.12-max", "-o", one)
        self.call("save", "emulated:6.12-max", "--vcpus", "8", "-o", two)
        self.call("set", one, "x1=5", "-o", three)
        old, new, changed = contents(one), contents(two), contents(three)
        mended = os.path.join(folder, "mended")
        put(mended, stream)
        self.call("mend", mended, "--host", HOST, "--policy", "force", "--in-place")
        page = os.path.join(folder, "page")
        self.call("matrix", one, "--host", HOST, "--html", page)
        mend = {"FILE": contents(mended), "FILE.undo": contents(mended + ".undo")}
        matrix = ["matrix", "@SOURCE", "--host", HOST, "--html", "@FILE"]
        # The page has the name of its source.
        source = os.path.join(folder, "SOURCE")
        put(source, old)
        return [
            Job(self, "save", ["save", "@SOURCE", "-o", "@FILE"], {"SOURCE": new, "FILE": old}, [old, new]),
            Job(self, "set", ["set", "@FILE", "x1=5"], {"FILE": old}, [old, changed]),
            Job(self, "mend", ["mend", "@FILE", "--host", HOST, "--policy", "force", "--in-place"],
                {"FILE": stream}, [stream, mend["FILE"]]),
            Job(self, "unmend", ["unmend", "@FILE"], mend, [stream, mend["FILE"]]),
            Job(self, "matrix", matrix, {"SOURCE": old, "FILE": b"old page"}, [b"old page", None]),
        ]


def fail(job, what, text):
    failures.append(f"{job.name}, {what}: {text}")
    counts["lost or wrong"] += 1


def is_page(data):
    return data.startswith(b"<!DOCTYPE html>") and data.rstrip().endswith(b"</html>")


def check(job, folder, what, may_leave=False):
    """The file is whole, or its undo file restores it; nothing else is there that was not before."""
    path = os.path.join(folder, "FILE")
    data = contents(path)
    whole = data in job.after or (None in job.after and is_page(data))
    others = set(os.listdir(folder)) - set(job.before) - {"FILE.undo"}
    leftovers = {name for name in others if LEFTOVER.match(name)}
    counts["left a named temporary"] += bool(leftovers)
    if others - leftovers or (leftovers and not may_leave):
        fail(job, what, f"left {sorted(others)}")
    if whole:
        counts["old" if data == job.after[0] else "new"] += 1
    elif job.name in ("mend", "unmend"):
        counts["between, with its undo file"] += 1
    else:
        fail(job, what, f"FILE has {len(data)} bytes, neither the old nor the new ones")
    if job.name in ("mend", "unmend"):
        check_undo(job, folder, what, data)
    elif leftovers:
        job.run(folder)
        if any(LEFTOVER.match(name) for name in os.listdir(folder)):
            fail(job, what, "the next run left the temporary")


def check_undo(job, folder, what, data):
    original = job.after[0]
    path = os.path.join(folder, "FILE")
    if not os.path.exists(path + ".undo"):
        if data != original:
            fail(job, what, "changed, and there is no undo file")
        return
    undone = subprocess.run([job.bench.program, "unmend", path], capture_output=True, env={})
    if undone.returncode != 0 or contents(path) != original:
        fail(job, what, "unmend did not restore it: " + undone.stderr.decode(errors="replace"))
    if set(os.listdir(folder)) != {"FILE"}:
        fail(job, what, f"unmend left {os.listdir(folder)}")


def killed_at_random(bench, kills, generator):
    for job in bench.jobs:
        folder = bench.folder()
        job.prepare(folder)
        begin = time.monotonic()
        job.run(folder)
        length = time.monotonic() - begin
        for number in range(kills // len(bench.jobs)):
            folder = bench.folder()
            job.prepare(folder)
            process = job.start(folder)
            delay = generator.uniform(0, 1.1 * length)
            try:
                process.wait(delay)
                counts["kills that came after the end"] += 1
            except subprocess.TimeoutExpired:
                process.kill()
            process.communicate()
            counts["kills at random instants"] += 1
            check(job, folder, f"kill {number} after {delay:.4f} s", may_leave=True)
            shutil.rmtree(folder)


def calls(bench, job):
    """How often the program makes each of the calls."""
    folder, log = bench.folder(), os.path.join(bench.scratch, "calls")
    job.prepare(folder)
    job.run(folder, {"LD_PRELOAD": bench.shim, "VCPUSNAP_COUNT": log})
    found = collections.Counter(open(log).read().split())
    os.remove(log)
    return found


def errors_at_calls(bench, every):
    ways = ["kill", "short", str(errno.ENOSPC), str(errno.EIO)]
    for job in bench.jobs:
        for call, number in sorted(calls(bench, job).items()):
            chosen = range(1, number + 1) if every else sorted({1, number})
            for place in chosen:
                for way in ways:
                    if way == "short" and call not in ("write", "pwrite"):
                        continue
                    error_at_call(bench, job, call, place, way)


def error_at_call(bench, job, call, place, way):
    folder = bench.folder()
    job.prepare(folder)
    status, errors = job.run(
        folder, {"LD_PRELOAD": bench.shim, "VCPUSNAP_FAIL": f"{call}:{place}:{way}"})
    what = f"{call} {place}: {way}"
    counts[{"kill": "kills before a call", "short": "short writes"}.get(way, "calls that failed")] += 1
    if way == "kill":
        if status != -signal.SIGKILL:
            fail(job, what, f"status {status}")
    elif way == "short":
        if status not in (0, 1):
            fail(job, what, f"status {status}: {errors}")
    elif call == "flock":
        if status not in (0, 1):
            fail(job, what, f"status {status}, though it can do without locks: {errors}")
    elif status != 2 and call != "unlink":
        fail(job, what, f"status {status}, and the call failed")
    check_message(job, folder, what, errors)
    check(job, folder, what, may_leave=way == "kill" or call == "unlink")
    shutil.rmtree(folder)


def check_message(job, folder, what, errors):
    """What the message says of the file is true."""
    data = contents(os.path.join(folder, "FILE"))
    is_old = data == list(job.before.values())[-1 if job.name in ("save", "matrix") else 0]
    if "nothing was replaced" in errors and not is_old:
        fail(job, what, "said not to be replaced, and is")
    if "the new file is in place" in errors and is_old:
        if job.name not in ("mend", "unmend"):
            fail(job, what, "said to be in place, and is not")


def mounted(folder, size):
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", folder], capture_output=True)
    return done.returncode == 0


def full_disks(bench, step):
    folder = bench.folder()
    if not mounted(folder, 64):
        print("durability: no small file systems (needs root): skipped")
        return
    subprocess.run(["umount", folder], check=True)
    for job in bench.jobs:
        needed = sum(-(-len(data) // 4096) for data in job.before.values()) * 4
        for size in range(needed, needed + 160, step):
            full_disk(job, folder, size)
    os.rmdir(folder)


def full_disk(job, folder, size):
    mounted(folder, size)
    try:
        job.prepare(folder)
        status, errors = job.run(folder)
        counts["disks that were full" if status == 2 else "disks with room enough"] += 1
        if status == 2 and "ENOSPC" not in errors:
            fail(job, f"disk of {size} KiB", errors)
        check(job, folder, f"disk of {size} KiB")
    finally:
        subprocess.run(["umount", folder], check=True)


def read_only_systems(bench):
    folder = bench.folder()
    for job in bench.jobs:
        if not mounted(folder, 1024):
            print("durability: no read-only file systems (needs root): skipped")
            return
        try:
            job.prepare(folder)
            subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
            status, errors = job.run(folder)
            counts["read-only file systems"] += 1
            if status != 2 or "EROFS" not in errors:
                fail(job, "read-only file system", f"exit code {status}: {errors}")
            changed = [name for name, data in job.before.items() if contents(os.path.join(folder, name)) != data]
            if changed or len(os.listdir(folder)) != len(job.before):
                fail(job, "read-only file system", f"changed: {changed}, there: {os.listdir(folder)}")
        finally:
            subprocess.run(["umount", folder], check=True)
    os.rmdir(folder)


def as_nobody():
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)


def foreign_targets(bench):
    """Files and folders of others, and read-only ones, for one who is not root."""
    if os.getuid() != 0:
        print("durability: no files of others (needs root): skipped")
        return
    for job in bench.jobs:
        for mode in (0o400, 0o600):
            for owns_folder, owns_file in ((True, True), (True, False), (False, True)):
                folder = bench.folder()
                job.prepare(folder)
                for name in job.before:
                    path = os.path.join(folder, name)
                    os.chmod(path, mode if name == "FILE" else 0o644)
                    os.chown(path, NOBODY if owns_file else 0, -1)
                if owns_folder:
                    os.chown(folder, NOBODY, -1)
                os.chmod(folder, 0o755)
                status, _ = job.run(folder, preexec_fn=as_nobody)
                counts["targets of others, or read-only: " + ("done" if status in (0, 1) else "refused")] += 1
                check(job, folder, f"mode {mode:o}, own folder {owns_folder}, own file {owns_file}")
                shutil.rmtree(folder)


def linked_targets(bench):
    """A symbolic link stays, and what it leads to is changed, on another file system too; a hard link keeps a whole
    file."""
    other = bench.folder()
    is_other = mounted(other, 1024)
    for job in bench.jobs:
        for kind in ("symbolic", "hard") + (("symbolic to another file system",) if is_other else ()):
            folder = bench.folder()
            job.prepare(folder)
            path = os.path.join(folder, "FILE")
            target = os.path.join(other if "another" in kind else folder, "TARGET")
            if kind == "hard":
                os.link(path, target)
            else:
                shutil.move(path, target)
                os.symlink(target, path)
                if os.path.exists(path + ".undo"):
                    shutil.move(path + ".undo", target + ".undo")
            status, errors = job.run(folder)
            counts["links as targets"] += 1
            if status not in (0, 1):
                fail(job, kind, errors)
            if (kind != "hard") != os.path.islink(path):
                fail(job, kind, "the link was replaced")
            for name in (path, target):
                data = contents(name)
                if data not in job.after and not is_page(data):
                    fail(job, kind, f"{name} is not whole")
            shutil.rmtree(folder)
            for name in os.listdir(other):
                os.remove(os.path.join(other, name))
    if is_other:
        subprocess.run(["umount", other], check=True)
    else:
        print("durability: no other file system (needs root): skipped")


def main():
    parser = argparse.ArgumentParser()
    for name in ("program", "shim", "stream"):
        parser.add_argument(name)
    parser.add_argument("--kills", type=int, default=25)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--every", action="store_true")
    options = parser.parse_args()
    print(f"durability: seed {options.seed}", flush=True)
    # Whoever ends it before the end gets the counts so far.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("durability: ended before the end"))
    try:
        run_all(options)
    finally:
        report()
    sys.exit(1 if failures else 0)


def run_all(options):
    with tempfile.TemporaryDirectory(prefix="vcpusnap-durability-") as scratch:
        os.chmod(scratch, 0o755)
        bench = Bench(options.program, options.shim, options.stream, scratch)
        killed_at_random(bench, options.kills, random.Random(options.seed))
        errors_at_calls(bench, options.every)
        full_disks(bench, 4 if options.every else 40)
        read_only_systems(bench)
        foreign_targets(bench)
        linked_targets(bench)


def report():
    for name, count in sorted(counts.items()):
        print(f"durability: {count:6} {name}")
    for text in failures[:20]:
        print("durability: FAILED: " + text)
    print(f"durability: {len(failures)} lost or wrong", flush=True)


main()
