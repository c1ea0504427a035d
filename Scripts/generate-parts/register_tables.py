"""Compiles Formats/registers into the tables declared in include/register_tables.h.

The order of the fields in each row is the order of the members of its structure there; the lists of
words below are the enumerations there and in Sources/Registers.
"""

import fnmatch
import re

import c_source
import kvm_changes
import meanings
from records import DataError, Record, choice, number, read, version

FIELD_KINDS = ["unsignedEnum", "signedEnum", "enum", "field", "res0", "res1", "raz", "unkn"]
RESERVED = ["res0", "res1", "raz", "unkn"]
FLAGS = ["opaque", "featureID", "implementationID", "checkedOnly", "vmWide", "timer", "counter", "pmu",
         "secret", "clearView", "qemuConstant", "qemuMasked", "essential", "qemuTolerated", "qemuToleratedZero",
         "writeOnly", "ofHost", "gicv3"]
CLASSES = ["absent", "writable", "invariant", "writeIgnored", "sanitised", "volatile", "raz",
           "constrained"]
SET_CLEAR = ["none", "assign", "orAndClear"]
TRAITS = ["idPolicy", "zeroWithoutAArch32", "zeroWithoutSVE", "reservedBitsForcedWithEL2",
          "keepsImplementedCounters", "countersFixedWithEL2", "statusComputed", "sameFeaturesInVM",
          "levelsInOrder"]
CONDITIONS = ["feature", "notFeature", "capability", "id", "finalized"]
RULES = ["exact", "lowerSafe", "higherSafe", "higherOrZeroSafe", "any"]
SPECIALS = ["remapped", "minimum", "values", "ignoredIfHostValue", "signed", "higherSafe"]
SHOWINGS = ["own", "atMost", "fixed", "cacheLevels", "cacheGeometry", "pmuVersion", "counters", "events",
            "newestPSCI"]
WITH_VALUE = {"atMost", "fixed", "counters", "events"}

SPECIAL_KEYS = {"kind", "what", "from", "until", "values", "stored", "feature", "offered", "hardware"}

NONE = 0xFFFF
NO_VALUE = 0xFF


class Compiler:
    def __init__(self, directory):
        self.directory = directory
        self.strings = c_source.StringPool()
        self.values = c_source.SliceTable()
        self.fields = c_source.SliceTable()
        self.variants = c_source.SliceTable()
        self.behaviors = c_source.SliceTable()
        self.conditions = c_source.SliceTable()
        self.rules = c_source.SliceTable()
        self.specials = c_source.SliceTable()
        self.kernels = c_source.SliceTable()
        self.subjects = c_source.SliceTable()
        self.registers = registers(directory)
        self.index = self.index_names()
        self.layouts = self.read_layouts()
        # Where the fields of each layout in use start.
        self.starts = {}
        self.cpus = read(directory / "cpus.jsonl", ["implementer", "name"], ["part", "mixed"])

    # Names

    def index_names(self):
        """Every name and alias, in capitals, with the position of its register."""
        index = {}
        for position, register in enumerate(self.registers):
            if position and number(register, "id") <= last_id(self.registers[position - 1]):
                register.fail("id stands twice")
            for name in [*member_names(register), *register.get("aliases", [])]:
                if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
                    register.fail(f"{name!r} is not a name")
                if name.upper() in index:
                    register.fail(f"name {name} stands twice")
                index[name.upper()] = position
        return index

    def position(self, record, name):
        if name.upper() not in self.index:
            record.fail(f"no register {name}")
        return self.index[name.upper()]

    def name_rows(self):
        rows = []
        for position, register in enumerate(self.registers):
            names = [register["name"], *register.get("aliases", [])]
            rows += [(name.upper(), self.strings.add(name), position) for name in names]
        return [row[1:] for row in sorted(rows)]

    def dump_name_rows(self):
        """The names in dumps, in capitals, each with the position of its register."""
        return [(self.strings.add(register["inDumps"]), position)
                for position, register in enumerate(self.registers) if "inDumps" in register]

    def alias_table(self):
        """The strings of all aliases, and for each register where its own start."""
        table, starts = [], []
        for register in self.registers:
            starts.append(len(table))
            table += [(self.strings.add(alias),) for alias in register.get("aliases", [])]
        return table, starts

    # Layouts

    def read_layouts(self):
        layouts = {}
        for field in read(
                self.directory / "layouts.jsonl", ["layout", "field", "msb", "lsb", "kind"], ["values", "count"]):
            layouts.setdefault(field["layout"], []).extend(repeated(field))
        return layouts

    def layout(self, record, name, width):
        """The first field and the number of fields of a layout that must tile the register."""
        if name not in self.layouts:
            record.fail(f"no layout {name!r}")
        top = width
        for field in self.layouts[name]:
            if not field["lsb"] <= field["msb"] == top - 1 or field["msb"] - field["lsb"] > 63:
                field.fail(f"does not continue at bit {top - 1} of {record['name']}")
            top = field["lsb"]
        if top != 0:
            record.fail(f"layout {name!r} ends at bit {top}")
        rows = [self.field_row(field) for field in self.layouts[name]]
        # Fields that look alike mean different things in other layouts.
        self.starts[name] = self.fields.add(rows, apart=name)
        return self.starts[name], len(rows)

    def field_row(self, field):
        values = sorted((int(value), name) for value, name in field.get("values", {}).items())
        rows = [(value, self.strings.add(name)) for value, name in values]
        return (self.strings.add(field["field"]), field["msb"], field["lsb"], self.values.add(rows),
                len(rows), choice(field, "kind", FIELD_KINDS))

    # Registers

    def register_rows(self):
        _, aliases = self.alias_table()
        behaviors = self.group("behaviour.jsonl", ["register", "from", "class"], [
            "until", "mask", "keeps", "drops", "setClear", "needs", "capability", "traits", "rule"])
        rules = self.group("id-fields.jsonl", ["register", "field", "msb", "lsb", "rule"], [
            "kvmRule", "signed", "safe", "tracked", "advertisedOnly", "scope", "capability", "feature", "offered",
            "special", "ruleHistory"])
        rows = [
            self.register_row(position, register, aliases[position],
                              behaviors.get(position, []), rules.get(position, []))
            for position, register in enumerate(self.registers)]
        for name in self.layouts.keys() - self.starts.keys():
            self.layouts[name][0].fail(f"no register uses layout {name!r}")
        return rows

    def group(self, file, required, optional):
        groups = {}
        for record in read(self.directory / file, required, optional):
            groups.setdefault(self.position(record, record["register"]), []).append(record)
        return groups

    def register_row(self, position, register, alias, behaviors, rules):
        width = 8 << (number(register, "id") >> 52 & 15)
        fields, field_count = 0, 0
        if register.get("opaque"):
            if "layout" in register:
                register.fail("is opaque and has a layout")
        else:
            fields, field_count = self.layout(register, register.get("layout"), width)
        variants = [
            (*meanings.own_condition(self.layouts[register["layout"]], variant["when"]),
             self.strings.add(variant["when"]), *self.layout(register, variant["layout"], width))
            for variant in register.get("variants", [])]
        behavior_rows = [self.behavior_row(record) for record in behaviors]
        rule_rows = [self.rule_row(record) for record in rules]
        return (
            number(register, "id"), number(register, "volatile", 0), number(register, "reset", 0),
            number(register, "stores", 0xffffffffffffffff),
            self.strings.add(register["name"]), self.strings.add(register.get("notes", "")),
            version(register, "listedSince"), version(register, "absentIn"), self.flags(register),
            alias, len(register.get("aliases", [])), fields, field_count,
            self.variants.add(variants), len(variants),
            self.behaviors.add(behavior_rows), len(behavior_rows),
            self.rules.add(rule_rows), len(rule_rows),
            self.reference(register, "mapping"), self.twin(register), int("reset" in register),
            self.mapping_lsb(register, width), *family(register))

    def flags(self, register):
        names = list(register.get("flags", []))
        if register.get("opaque"):
            names.append("opaque")
        if "clearViewOf" in register:
            names.append("clearView")
        return bits(register, names, FLAGS)

    def reference(self, register, key):
        return self.position(register, register[key]) if key in register else NONE

    def mapping_lsb(self, register, width):
        """Where in the mapped register the bits start; all of them must be there."""
        lsb = register.get("mappingLsb", 0)
        if lsb:
            mapped = self.registers[self.position(register, register.get("mapping", ""))]
            if lsb + width > 8 << (number(mapped, "id") >> 52 & 15):
                register.fail(f"does not fit into {mapped['name']} from bit {lsb} on")
        return lsb

    def twin(self, register):
        """The SET register of a CLR register, and the other way round."""
        if "clearViewOf" in register:
            return self.position(register, register["clearViewOf"])
        for position, other in enumerate(self.registers):
            if other.get("clearViewOf") == register["name"]:
                return position
        return NONE

    # Behavior

    def behavior_row(self, record):
        conditions = [self.condition_row(record, text) for text in record.get("needs", [])]
        present = sum(1 << bit for bit, key in enumerate(["mask", "keeps", "drops"]) if key in record)
        return (
            number(record, "mask", 0), number(record, "keeps", 0), number(record, "drops", 0),
            version(record, "from"), version(record, "until"),
            self.strings.add(record.get("rule", "")), self.strings.add(record.get("capability", "")),
            self.conditions.add(conditions), len(conditions), choice(record, "class", CLASSES),
            choice(record, "setClear", SET_CLEAR, "none"), present,
            bits(record, record.get("traits", []), TRAITS))

    def condition_row(self, record, text):
        kind, _, what = text.partition(":")
        if kind not in CONDITIONS or not what:
            record.fail(f"{text!r} is not a condition")
        if kind != "id":
            return (self.strings.add(what), CONDITIONS.index(kind), 0, NONE, 0, 0)
        match = re.fullmatch(r"(\w+)\.(\w+)>=(\d+)", what)
        if not match:
            record.fail(f"{text!r} is not REGISTER.FIELD>=NUMBER")
        name, field_name, minimum = match.groups()
        position = self.position(record, name)
        for field in self.layouts[self.registers[position]["layout"]]:
            if field["field"] == field_name and field["kind"] == "unsignedEnum":
                return (self.strings.add(field_name), CONDITIONS.index(kind), int(minimum), position,
                        field["msb"], field["lsb"])
        return record.fail(f"{name} has no unsigned field {field_name}")

    # ID fields

    def rule_row(self, record):
        specials = [self.special_row(record, special) for special in record.get("special", [])]
        switches = [record.get("signed", False), "safe" in record,
                    not record.get("tracked", True), record.get("advertisedOnly", False)]
        return (
            record.get("safe", 0), self.strings.add(record["field"]),
            self.strings.add(record.get("offered", "")),
            self.strings.add(record.get("capability", "")), self.strings.add(record.get("feature", "")),
            self.specials.add(specials), len(specials), record["msb"], record["lsb"],
            choice(record, "kvmRule" if "kvmRule" in record else "rule", RULES),
            choice(record, "rule", RULES), sum(1 << bit for bit, on in enumerate(switches) if on))

    def special_row(self, record, special):
        for key in special.keys() - SPECIAL_KEYS:
            record.fail(f"key {key!r} of a deviation is not known")
        first, last = special.get("values", [1, 0])
        mask, value = self.hardware(record, dict(special.get("hardware", {})))
        return (
            mask, value, self.strings.add(special["what"]), self.strings.add(special.get("feature", "")),
            version_of(record, special, "from"), version_of(record, special, "until"),
            choice_of(record, special["kind"], SPECIALS), first, last, special.get("stored", NO_VALUE),
            special.get("offered", NO_VALUE))

    def hardware(self, record, fields):
        """The bits of fields of the record's register, and their values at their places."""
        layout = self.registers[self.position(record, record["register"])].get("layout")
        mask, value = 0, 0
        for field in self.layouts.get(layout, []):
            if field["field"] in fields:
                ones = (2 << field["msb"] - field["lsb"]) - 1
                mask |= ones << field["lsb"]
                value |= fields.pop(field["field"]) << field["lsb"]
        for name in fields:
            record.fail(f"{record['register']} has no field {name}")
        return mask, value

    # Controls

    def control_rows(self):
        return [
            (*self.field_place(record, name, with_name=True), *self.field_place(record, record["control"]))
            for record in read(self.directory / "controls.jsonl", ["of", "control"])
            for name in self.named(record, record["of"])]

    def service_rows(self):
        return [(*self.field_place(record, record["of"]), version(record, "since"))
                for record in read(self.directory / "services.jsonl", ["of", "since"])]

    def named(self, record, pattern):
        """The registers that a pattern matches, or what is no pattern."""
        if "*" not in pattern:
            return [pattern]
        return [self.registers[position]["name"] for position in self.positions(record, pattern)]

    def positions(self, record, pattern):
        """Where the registers stand that a pattern matches."""
        found = [position for position, register in enumerate(self.registers)
                 if fnmatch.fnmatchcase(register["name"], pattern)]
        return found or record.fail(f"no register {pattern}")

    def field_place(self, record, place, with_name=False):
        """A register, then a field's name or its place: of REGISTER.FIELD, or REGISTER for all of it."""
        name, _, field_name = place.partition(".")
        position = self.position(record, name)
        width = 8 << (number(self.registers[position], "id") >> 52 & 15)
        msb, lsb = width - 1, 0
        if field_name:
            layout = self.layouts[self.registers[position].get("layout")]
            fields = [field for field in layout if field["field"] == field_name]
            if len(fields) != 1:
                record.fail(f"{name} has no field {field_name}")
            msb, lsb = fields[0]["msb"], fields[0]["lsb"]
        return (position, self.strings.add(field_name)) if with_name else (position, msb, lsb)

    # The rest

    def cpu_rows(self):
        return sorted(
            (self.identity(cpu), self.strings.add(cpu["name"]), int(cpu.get("mixed", False))) for cpu in self.cpus)

    def identity(self, cpu):
        return number(cpu, "implementer") << 16 | number(cpu, "part", NONE)

    def identities(self, record, names):
        """The CPUs of some names of cpus.jsonl, as in their rows."""
        found = [cpu for cpu in self.cpus if cpu["name"] in names and "part" in cpu]
        if len(found) != len(names):
            record.fail(f"one of {', '.join(names)} is no CPU")
        return [self.identity(cpu) for cpu in found]

    # What a fresh guest is shown

    def showing_rows(self):
        """A row for each register and CPU of a line, those of a register together and in the order of the lines."""
        rows = []
        lines = read(self.directory / "fresh.jsonl", ["registers", "shows"],
                     ["field", "from", "until", "cpus", "feature", "value", "note"])
        for record in lines:
            if ("value" in record) != (record["shows"] in WITH_VALUE):
                record.fail(f"{record['shows']} goes {'without' if 'value' in record else 'with'} a value")
            rows += [
                (number(record, "value", 0), version(record, "from"), version(record, "until"), cpu,
                 self.strings.add(record.get("feature", "")), self.strings.add(record.get("field", "")), *place,
                 choice(record, "shows", SHOWINGS))
                for place in self.places(record) for cpu in self.identities(record, record.get("cpus", [])) or [0]]
        return sorted(rows, key=lambda row: row[6])

    def places(self, record):
        """Register, most and least significant bit, of each register that a line is about."""
        for pattern in record["registers"]:
            for position in self.positions(record, pattern):
                yield self.bits_of_field(record, position, record.get("field"))

    def bits_of_field(self, record, position, name):
        register = self.registers[position]
        if name is None:
            return position, (8 << (number(register, "id") >> 52 & 15)) - 1, 0
        fields = [field for field in self.layouts.get(register.get("layout"), []) if field["field"] == name]
        if len(fields) != 1:
            record.fail(f"{register['name']} has no field {name}")
        return position, fields[0]["msb"], fields[0]["lsb"]

    def cpu_value_rows(self):
        rows = []
        for record in read(self.directory / "cpu-values.jsonl", ["cpu", "register", "value"], ["field", "usual"]):
            place = self.bits_of_field(record, self.position(record, record["register"]), record.get("field"))
            rows += [(number(record, "value"), cpu, *place, int(record.get("usual", False)))
                     for cpu in self.identities(record, [record["cpu"]])]
        return rows

    def capability_rows(self):
        capabilities = read(
            self.directory / "capabilities.jsonl", ["number", "name", "arm64"],
            ["ofState", "enableOn", "enabledBy", "since", "absentIn", "reports"])
        return sorted(
            (capability["number"], self.strings.add(capability["name"]), version(capability, "since"),
             self.strings.add(capability.get("enabledBy", "")), *self.report(capability),
             int(capability["arm64"]) | int(capability.get("ofState", False)) << 1) for capability in capabilities)

    def report(self, capability):
        """What it reports on a kernel that has it, and the run of the conditions for that; 0 where that is not known."""
        report = dict(capability.get("reports", {"value": 0}))
        conditions = [self.condition_row(capability, text) for text in report.pop("needs", [])]
        value = report.pop("value", None)
        if report or not isinstance(value, int) or not 0 <= value < 1 << 31:
            capability.fail("reports is a value from 0 to 2147483647, with or without needs")
        return value, self.conditions.add(conditions), len(conditions)

    def feature_rows(self):
        return sorted(
            (feature["bit"], self.strings.add(feature["name"]),
             self.strings.add(feature.get("capability", "")), self.strings.add(feature.get("needs", "")),
             version(feature, "since"), version(feature, "hidesSince"))
            for feature in features(self.directory))

    def target_rows(self):
        targets = read(self.directory / "targets.jsonl", ["number", "name"], ["implementer", "part", "since"])
        return [
            (target["number"], number(target, "implementer", 0) << 16 | number(target, "part", 0), version(target, "since"))
            for target in targets]

    def psci_rows(self):
        versions = read(self.directory / "psci-versions.jsonl", ["version"], ["since"])
        return sorted((number(record, "version"), version(record, "since")) for record in versions)

    def vendor_rows(self):
        vendors = read(self.directory / "kernel-vendors.jsonl", ["mark", "vendor"], ["isStable", "note"])
        return [
            (self.strings.add(record["mark"]), self.strings.add(record["vendor"]), int(record.get("isStable", False)))
            for record in vendors]

    # Changes

    def change_rows(self):
        return [self.change_row(change) for change in changes(self.directory)]

    def change_row(self, change):
        record = change.record
        subjects = [self.subject_row(subject) for subject in change.subjects]
        return (
            self.strings.add(record["what"]), self.strings.add(record.get("note", "")),
            self.strings.add(" ".join(record.get("commits", []))),
            self.kernels.add([(kernel,) for kernel in change.kernels]), len(change.kernels),
            self.kernels.add([(kernel,) for kernel in change.examined]), len(change.examined),
            self.subjects.add(subjects), len(subjects), change.kind, sum(1 << base for base in change.bases))

    def subject_row(self, subject):
        """A register with the name of its field, or something that is no register with its own."""
        name, _, field = subject.partition(".")
        position = self.index.get(name.upper())
        return (self.strings.add(name), NONE) if position is None else (self.strings.add(field), position)
    def kernels(self):
        return [version(kernel, "version") & ~0xFFFF
                for kernel in read(self.directory / "kernels.jsonl", ["version", "kind"])]


def family(register):
    """Of a line that stands for several registers how many there are, the first number, and the steps of id and INTID."""
    members = dict(register.get("family", {"first": 0, "count": 1}))
    row = members.pop("count", 0), members.pop("first", 0), members.pop("stride", 1), members.pop("intids", 0)
    if members or not (0 < row[0] < NONE and row[2] > 0):
        register.fail("family has first, count, and perhaps stride and intids")
    return row


def member_names(register):
    """The names of all registers that a line stands for, the first one's first."""
    count, first, _, _ = family(register)
    if ("family" in register) != (register["name"].count("#") == 1):
        register.fail("the name of a family has # in it, and no other")
    return [register["name"].replace("#", str(first + member)) for member in range(count)]


def last_id(register):
    count, _, stride, _ = family(register)
    return number(register, "id") + (count - 1) * stride


def repeated(field):
    """The fields of a line, most significant first: with a count, equal ones with ascending numbers for names."""
    width = field["msb"] - field["lsb"] + 1
    if "count" not in field:
        yield field
    for place in reversed(range(field.get("count", 0))):
        yield Record({**field, "field": str(int(field["field"]) + place), "msb": field["msb"] + place * width,
                      "lsb": field["lsb"] + place * width}, field.place)


def registers(directory):
    """The records of registers.jsonl, ascending by id."""
    records = read(
        directory / "registers.jsonl", ["id", "name"],
        ["aliases", "inDumps", "constant", "encoding", "family", "layout", "opaque", "variants", "mapping", "mappingLsb", "flags",
         "volatile", "clearViewOf", "listedSince", "absentIn", "reset", "stores", "notes", "origin", "layoutOrigin"])
    return sorted(records, key=lambda register: number(register, "id"))


def field_positions(directory, names, layouts):
    """Of some registers the fields that are not reserved, each with its place among those of the tables.

    layouts: of the names that are no register's.
    """
    compiler = Compiler(directory)
    compiler.register_rows()
    found = {}
    for name in names:
        layout = layouts.get(name) or compiler.registers[compiler.index[name]]["layout"]
        start = compiler.starts[layout]
        found[name] = [(field, start + position) for position, field in enumerate(compiler.layouts[layout])
                       if field["kind"] not in RESERVED]
    return found


def features(directory):
    """The records of features.jsonl."""
    return read(directory / "features.jsonl", ["bit", "name", "what"],
                ["constant", "capability", "needs", "rule", "since", "absentIn", "hidesSince"])


def series(directory):
    """Of the examined kernels."""
    return [version(kernel, "version") & ~0xFFFF for kernel in read(directory / "kernels.jsonl", ["version", "kind"])]


def oldest_kernel(directory):
    return min(series(directory))


def changes(directory):
    """The records of changes.jsonl, compared with the dates of the other files and the examined kernels."""
    found = kvm_changes.read_changes(directory)
    kvm_changes.check(directory, found, oldest_kernel(directory))
    return found


def bits(record, names, words):
    return sum(1 << choice_of(record, name, words) for name in set(names))


def choice_of(record, word, words):
    if word not in words:
        record.fail(f"{word!r} is none of {', '.join(words)}")
    return words.index(word)


def version_of(record, values, key):
    return version(type(record)(values, record.place), key)


def source(directory):
    """The text of register_tables.c."""
    if not directory.is_dir():
        raise DataError(f"{directory} is missing")
    compiler = Compiler(directory)
    registers, capabilities = compiler.register_rows(), compiler.capability_rows()
    words = meanings.Meanings(compiler)
    known = changes(directory)
    tables = [
        ("register", "registers", registers),
        ("register_name", "names", compiler.name_rows()),
        ("register_name", "dump_names", compiler.dump_name_rows()),
        ("alias", "aliases", compiler.alias_table()[0]),
        ("variant", "variants", compiler.variants.rows),
        ("field", "fields", compiler.fields.rows),
        ("field_value", "values", compiler.values.rows),
        ("meaning", "meanings", words.meaning_rows()),
        ("part", "parts", words.part_rows()),
        ("behavior", "behaviors", compiler.behaviors.rows),
        ("condition", "conditions", compiler.conditions.rows),
        ("id_field", "id_fields", compiler.rules.rows),
        ("special", "specials", compiler.specials.rows),
        ("cpu", "cpus", compiler.cpu_rows()),
        ("capability", "capabilities", capabilities),
        ("feature", "features", compiler.feature_rows()),
        ("target", "targets", compiler.target_rows()),
        ("psci_version", "psci_versions", compiler.psci_rows()),
        ("kernel_vendor", "kernel_vendors", compiler.vendor_rows()),
        ("control", "controls", compiler.control_rows()),
        ("service", "services", compiler.service_rows()),
        ("change", "changes", compiler.change_rows()),
        ("kernel", "kernels", compiler.kernels.rows),
        ("subject", "subjects", compiler.subjects.rows),
        ("showing", "showings", compiler.showing_rows()),
        ("cpu_value", "cpu_values", compiler.cpu_value_rows()),
    ]
    parts = [
        c_source.BANNER.format(origin="Formats/registers"), '\n#include "register_tables.h"\n\n',
        f"const uint32_t cformat_oldest_kernel = 0x{oldest_kernel(directory):x};\n",
        f"const uint32_t cformat_newest_kernel = 0x{max(series(directory)):x};\n",
        f"const uint32_t cformat_first_change = 0x{known[0].release:x};\n",
        f"const uint32_t cformat_last_change = 0x{known[-1].release:x};\n\n",
        *(c_source.table(f"cformat_{kind}", f"cformat_{name}", rows) + "\n"
          for kind, name, rows in tables),
        compiler.strings.definition("cformat_strings")]
    return "".join(parts)
