"""Reads Formats/registers/changes.jsonl: what each change is about, and whether the dates of the other files agree.

What a change is about (a subject) is the name of a register, REGISTER.FIELD, KVM_CAP_* or KVM_ARM_VCPU_*.
"""

import fnmatch
import re

from records import Record, choice, read, unchecked, version

KINDS = ["came", "went", "writable", "changed"]
# Ids of state that KVM keeps outside its list.
OWN = "0x76"
BASES = ["examined", "stable", "release", "source", "announced"]


class Change:
    """One line, with the subjects that its patterns match in the order of the dictionary."""

    def __init__(self, record, names):
        self.record = record
        self.kernels = versions(record, "from")
        self.examined = versions(record, "examined")
        self.kind = choice(record, "kind", KINDS)
        self.bases = [choice(Record({"basis": word}, record.place), "basis", BASES) for word in record["basis"]]
        self.groups = [(pattern, matches(record, pattern, names)) for pattern in record["of"]]
        gone = {name for pattern, found in self.groups if pattern.startswith("!") for name in found}
        self.subjects = [
            name for name in dict.fromkeys(
                name for pattern, found in self.groups if not pattern.startswith("!") for name in found)
            if name not in gone]
        if BASES.index("examined") in self.bases and not self.examined:
            record.fail("no kernels were examined")
        if not all(re.fullmatch("[0-9a-f]{12}", commit) for commit in record.get("commits", [])):
            record.fail("a commit is its first 12 digits")

    @property
    def release(self):
        return self.kernels[-1]

    @property
    def dates(self):
        """The kernels with which something begins or, after a backport, ends."""
        return {*self.kernels, *((kernel >> 16) + 1 << 16 for kernel in self.kernels if kernel & 0xFFFF)}

    def is_about(self, subject, kernel):
        return kernel in self.dates and any(overlap(subject, own) for own in self.subjects)


def versions(record, key):
    """The kernels of a list, which ascends."""
    found = [version(Record({key: text}, record.place), key) for text in record.get(key, [])]
    if found != sorted(set(found)):
        record.fail(f"{key} does not ascend")
    return found


def matches(record, pattern, names):
    found = [name for name in names if fnmatch.fnmatchcase(name, pattern.lstrip("!"))]
    # Fields are named one by one, or by a pattern that has a dot.
    found = [name for name in found if ("." in name) == ("." in pattern)]
    return found or record.fail(f"nothing is called {pattern}")


def overlap(one, other):
    """Whether two subjects are the same, or one is a field of the other."""
    return one == other or one.startswith(other + ".") or other.startswith(one + ".")


def read_changes(directory):
    """All changes, which stand in the order of the releases that have them."""
    names = list(subjects(directory))
    changes = [Change(record, names) for record in read(
        directory / "changes.jsonl", ["from", "kind", "what", "of", "basis"],
        ["commits", "examined", "note", "noRule"])]
    for before, after in zip(changes, changes[1:]):
        if after.release < before.release:
            after.record.fail("stands after a change of a newer kernel")
    return changes


# The other files


def subjects(directory):
    """Every name that a change can be about: registers that KVM has and their fields, capabilities, features."""
    known = {record["register"] for record in unchecked(directory / "behaviour.jsonl")}
    layouts = {}
    for record in unchecked(directory / "layouts.jsonl"):
        layouts.setdefault(record["layout"], []).append(record["field"])
    for record in unchecked(directory / "registers.jsonl"):
        if record["name"] in known or record["id"].startswith(OWN):
            yield record["name"]
            yield from dict.fromkeys(f"{record['name']}.{field}" for field in layouts.get(record.get("layout"), []))
    yield from (record["name"] for record in unchecked(directory / "capabilities.jsonl"))
    yield from ("KVM_ARM_VCPU_" + record["name"] for record in unchecked(directory / "features.jsonl"))


def dated(directory):
    """Every date of the other files: the record, the subject, and the kernel."""
    def dates(record, subject, *keys, holder=None):
        for key in keys:
            if key in (holder or record):
                yield record, subject, version(Record(holder or record, record.place), key)

    for record in unchecked(directory / "registers.jsonl"):
        yield from dates(record, record["name"], "listedSince")
    for record in unchecked(directory / "behaviour.jsonl"):
        yield from dates(record, record["register"], "from", "until")
    for record in unchecked(directory / "id-fields.jsonl"):
        for special in record.get("special", []):
            yield from dates(record, f"{record['register']}.{record['field']}", "from", "until", holder=special)
    names = [record["name"] for record in unchecked(directory / "registers.jsonl")]
    for record in unchecked(directory / "fresh.jsonl"):
        field = f".{record['field']}" if "field" in record else ""
        for name in dict.fromkeys(name for pattern in record["registers"] for name in fnmatch.filter(names, pattern)):
            yield from dates(record, name + field, "from", "until")
    for record in unchecked(directory / "capabilities.jsonl"):
        yield from dates(record, record["name"], "since")
    for record in unchecked(directory / "features.jsonl"):
        yield from dates(record, "KVM_ARM_VCPU_" + record["name"], "since")
    for record in unchecked(directory / "psci-versions.jsonl"):
        yield from dates(record, "PSCI_VERSION", "since")
    for record in unchecked(directory / "services.jsonl"):
        yield from dates(record, record["of"], "since")
    for record in unchecked(directory / "targets.jsonl"):
        yield from dates(record, "VCPU_INIT", "since")


def check(directory, changes, oldest):
    """Every date needs a change, and every change since the oldest examined kernel needs a date for each subject.

    That kernel, and the oldest one that was read, stand for older ones too: what they do need not have changed then.
    """
    facts = [(record, subject, kernel) for record, subject, kernel in dated(directory)
             if kernel not in (oldest, changes[0].release)]
    for record, subject, kernel in facts:
        if not any(change.is_about(subject, kernel) for change in changes):
            record.fail(f"no line of changes.jsonl is about {subject} in {text(kernel)}")
    for change in changes:
        if change.release <= oldest or "noRule" in change.record:
            continue
        for subject in change.subjects:
            if not any(kernel in change.dates and overlap(subject, other) for _, other, kernel in facts):
                change.record.fail(f"no rule changes for {subject} then")


def text(kernel):
    patch = kernel & 0xFFFF
    return f"{kernel >> 24}.{kernel >> 16 & 0xFF}" + (f".{patch}" if patch else "")
