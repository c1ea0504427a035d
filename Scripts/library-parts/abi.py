#!/usr/bin/env python3
"""Prints the binary interface of a C header: its functions, the members of its structs with their places, its constants.

usage: abi.py HEADER      compared with Scripts/library-parts/abi, in which only what is new may differ within a version
"""

import re
import subprocess
import sys
import tempfile


def declarations(header):
    """The header's own text, without comments and preprocessor lines, as statements."""
    with open(header, encoding="utf-8") as file:
        text = re.sub(r"/\*.*?\*/", " ", file.read(), flags=re.DOTALL)
    text = re.sub(r"^\s*#.*(?:\\\n.*)*$", "", re.sub(r"\\\n", " ", text), flags=re.MULTILINE)
    text = re.sub(r'extern "C" \{', "", text)
    # One statement ends at each semicolon that is in no braces.
    depth, statement = 0, ""
    for character in text:
        statement += character
        depth += (character == "{") - (character == "}")
        if character == ";" and depth == 0:
            yield " ".join(statement.split())
            statement = ""


def members(struct):
    """The names of a struct's members."""
    for member in struct.split(";"):
        name = re.search(r"\(\*(\w+)\)\(|(\w+)(?:\[\w+\])?$", member.strip())
        if name:
            yield name[1] or name[2]


def main():
    header = sys.argv[1]
    lines, measured = [], []
    for statement in declarations(header):
        body = re.match(r"typedef (struct|enum) (\w+) \{(.*)\} \2;", statement)
        if body and body[1] == "struct":
            measured.append((body[2], list(members(body[3]))))
        elif body:
            value = -1
            for constant in body[3].split(","):
                name, _, given = (part.strip() for part in constant.partition("="))
                value = int(given, 0) if given else value + 1
                lines.append(f"constant {name} = {value}")
        elif "(" in statement:
            lines.append(f"function {statement.rstrip(';')}")
    program = [f'#include "{header}"', "#include <stdio.h>", "int main(void) {"]
    for name, own in measured:
        program.append(f'printf("struct {name}: %zu bytes\\n", sizeof({name}));')
        program += [f'printf("struct {name}.{member}: %zu at %zu\\n", sizeof((({name} *)0)->{member}), '
                    f"offsetof({name}, {member}));" for member in own]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["cc", "-x", "c", "-I.", "-o", f"{folder}/measure", "-"], input="\n".join(program + ["}"]), text=True,
                       check=True)
        lines += subprocess.run([f"{folder}/measure"], stdout=subprocess.PIPE, text=True, check=True).stdout.splitlines()
    print("\n".join(lines))


if __name__ == "__main__":
    main()
