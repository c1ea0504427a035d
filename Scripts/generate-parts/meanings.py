"""Compiles meanings.jsonl and parts.jsonl of Formats/registers: what fields and their values say in plain words."""

import fnmatch
import re

from records import Record, choice, read

FORMS = ["hexadecimal", "decimal", "complement64", "part"]
NONE = 0xFFFF
RESERVED = {"res0", "res1"}
OWN_FIELD = re.compile(r"(?:.*\()?(\w+)(?:\[(\d+)\])? = (\d+)\)?")
PART_KEYS = {"field", "msb", "lsb", "says", "form", "tells", "needs", "without", "values"}


class Meanings:
    """The rows of both tables, for the layouts that a compiler has put into its table of fields."""

    def __init__(self, compiler):
        self.compiler = compiler
        self.meanings = {}
        self.parts = []
        for record in read(compiler.directory / "meanings.jsonl", ["layouts", "field", "says"],
                           ["form", "tells", "values"]):
            for place in self.places(record, record["field"]):
                self.add(record, place, record, {})
        for record in read(compiler.directory / "parts.jsonl", ["layouts", "field", "by", "values", "parts"]):
            self.add_parts(record)

    def layouts(self, record):
        for pattern in record["layouts"]:
            found = [name for name in self.compiler.starts if fnmatch.fnmatchcase(name, pattern.replace("[", "[[]"))]
            if not found:
                record.fail(f"no layout {pattern}")
            yield from found

    def places(self, record, name):
        """Where fields of that name are in the table of fields."""
        places = {place for layout in self.layouts(record) for place in self.named(layout, name)}
        if not places:
            record.fail(f"none of the layouts has a field {name}")
        return sorted(places)

    def named(self, layout, name):
        """The places of the fields of that name, or of those that a pattern stands for."""
        return [self.compiler.starts[layout] + offset for offset, field in enumerate(self.compiler.layouts[layout])
                if field["field"] == name or field["kind"] not in RESERVED and fnmatch.fnmatchcase(field["field"], name)]

    def place(self, layout, name):
        for offset, field in enumerate(self.compiler.layouts[layout]):
            if field["field"] == name:
                return self.compiler.starts[layout] + offset
        return None

    def add(self, record, place, meaning, siblings):
        values = [(int(value), self.compiler.strings.add(words))
                  for value, words in sorted(meaning.get("values", {}).items(), key=lambda item: int(item[0]))]
        row = (self.compiler.strings.add(meaning["says"]), place, self.compiler.values.add(values), len(values),
               self.sibling(record, meaning, "needs", siblings), self.sibling(record, meaning, "without", siblings),
               choice(Record(meaning, record.place), "form", FORMS, "hexadecimal"),
               int(meaning.get("tells", False)))
        if self.meanings.setdefault(place, row) != row:
            record.fail(f"field {meaning['field']} has two meanings")

    def sibling(self, record, part, key, siblings):
        """The part beside one that it names under a key."""
        if key in part and part[key] not in siblings:
            record.fail(f"{part['field']} has {key} {part[key]}, which is no part beside it")
        return siblings.get(part.get(key), NONE)

    def add_parts(self, record):
        fields, top = [], None
        for part in record["parts"]:
            for key in part.keys() - PART_KEYS:
                record.fail(f"key {key!r} of a part is not known")
            if part["lsb"] > part["msb"] or top is not None and part["msb"] >= top:
                record.fail(f"{part['field']} is not below the part before it")
            top = part["lsb"]
            fields.append(self.compiler.field_row(Record(
                {"field": part["field"], "msb": part["msb"], "lsb": part["lsb"], "kind": "field"}, record.place)))
        start = self.compiler.fields.add(fields)
        siblings = {part["field"]: start + offset for offset, part in enumerate(record["parts"])}
        for part in record["parts"]:
            self.add(record, siblings[part["field"]], part, siblings)
        for layout in self.layouts(record):
            whole, by = self.place(layout, record["field"]), self.place(layout, record["by"])
            if whole is None or by is None:
                record.fail(f"{layout} has not both {record['field']} and {record['by']}")
            self.parts += [(value, whole, by, start, len(fields)) for value in record["values"]]

    def meaning_rows(self):
        return [self.meanings[place] for place in sorted(self.meanings)]

    def part_rows(self):
        rows = sorted(self.parts, key=lambda row: (row[1], row[0]))
        return sorted(set(rows), key=rows.index)


def own_condition(layout, when):
    """The bits of the register itself that decide whether a variant applies, and their value; 0 where others decide."""
    mask, value = 0, 0
    for part in when.split(" and "):
        match = OWN_FIELD.fullmatch(part)
        field = next((field for field in layout if match and field["field"] == match[1]), None)
        if field is None:
            return 0, 0
        lsb = field["lsb"] + int(match[2] or 0)
        width = 1 if match[2] else field["msb"] - lsb + 1
        mask, value = mask | ((1 << width) - 1) << lsb, value | int(match[3]) << lsb
    return mask, value
