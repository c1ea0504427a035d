#!/usr/bin/env python3
"""Writes the manual pages of a vcpusnap, one of the program and one a command, from what its own help is made of.
usage: manual.py PROGRAM DATE FOLDER      DATE as in 2026-11-29
"""

import json
import pathlib
import re
import subprocess
import sys
import textwrap

PROJECT = "vcpusnap"
# What a page calls the sections that the help has other names for.
TITLES = {"EXIT CODES": "EXIT STATUS"}


def escaped(text):
    """Text that means itself, also at the beginning of a line."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + text if text[:1] in (".", "'") else text


def flowing(lines):
    return [escaped(line) for line in textwrap.wrap(" ".join(lines), 72, break_on_hyphens=False)]


def as_typed(lines):
    return [".EX", *map(escaped, textwrap.dedent("\n".join(lines)).split("\n")), ".EE"]


def body(lines):
    """A paragraph: what is indented stays as it is."""
    output = []
    for run in re.findall(r"(?:^\S.*\n)+|(?:^ .*\n)+", "".join(f"{line}\n" for line in lines), re.M):
        run = run.rstrip("\n").split("\n")
        output += as_typed(run) if run[0].startswith(" ") else flowing(run)
    return output


def sections(discussion):
    """What a command's help says at length: the description, and paragraphs that have a title."""
    found = {"DESCRIPTION": []}
    section = "DESCRIPTION"
    for paragraph in discussion.strip("\n").split("\n\n"):
        title, *rest = paragraph.split("\n")
        if re.fullmatch(r"[A-Z ]+", title):
            section = TITLES.get(title, title)
            found[section] = body(rest)
            continue
        if not paragraph.startswith(" "):
            section = "DESCRIPTION"
        found[section] += [".PP", *body(paragraph.split("\n"))]
    return found


def option(argument):
    """How an argument is written, and what it is."""
    value = f"\\fI{escaped(argument['valueName'])}\\fP"
    if argument["kind"] == "positional":
        head = value
    else:
        dashes = {"short": "-", "long": "--", "longWithSingleDash": "-"}
        names = [escaped(dashes[name["kind"]] + name["name"]) for name in argument["names"]]
        head = ", ".join(f"\\fB{name}\\fP" for name in names)
        head += f" {value}" if argument["kind"] == "option" else ""
    return [".TP", head, *flowing([argument.get("abstract", "")])]


def usage(program, words):
    """The usage as the program prints it."""
    text = subprocess.run([program, "help", *words], capture_output=True, text=True, check=True).stdout
    return re.search(r"^USAGE:((?:.*\S\n)+)", text, re.M)[1].strip().split("\n")


def page_name(command, root):
    return PROJECT if command is root else f"{PROJECT}-{command['commandName']}"


def page(program, version, date, command, root):
    """A manual page."""
    name, words = page_name(command, root), [] if command is root else [command["commandName"]]
    abstract = command["abstract"].rstrip(".")
    parts = sections(command.get("discussion", ""))
    parts.setdefault("EXIT STATUS", sections(root["discussion"])["EXIT STATUS"])
    arguments = [argument for argument in command["arguments"] if argument["shouldDisplay"]]
    lines = [
        f'.TH {escaped(name.upper())} 1 {date} "{PROJECT} {version}" "User Commands"',
        ".SH NAME",
        f"{escaped(name)} \\- {escaped(abstract[0].lower() + abstract[1:])}",
        ".SH SYNOPSIS",
        *as_typed([line.strip() for line in usage(program, words)]),
        ".SH DESCRIPTION",
        f"{escaped(abstract)}.",
        *parts.pop("DESCRIPTION"),
    ]
    if command is root:
        lines.append(".SH COMMANDS")
        for other in root["subcommands"]:
            lines += [".TP", f".BR {escaped(page_name(other, root))} (1)", *flowing([other["abstract"]])]
    lines += [".SH OPTIONS", *(line for argument in arguments for line in option(argument))]
    for title in sorted(parts, key=["EXIT STATUS", "EXAMPLES"].count):
        lines += [f".SH {title}", *parts[title]]
    others = root["subcommands"] if command is root else [root]
    lines += [".SH SEE ALSO", *(f".BR {escaped(page_name(other, root))} (1)," for other in others)]
    return "\n".join(lines).rstrip(",") + "\n"


def main():
    program, date, folder = sys.argv[1:]
    dump = subprocess.run([program, "--experimental-dump-help"], capture_output=True, text=True, check=True).stdout
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
    root = json.loads(dump)["command"]
    root["subcommands"] = [
        command for command in root["subcommands"] if command["shouldDisplay"] and command["commandName"] != "help"
    ]
    for command in [root, *root["subcommands"]]:
        text = page(program, version, date, command, root)
        pathlib.Path(folder, f"{page_name(command, root)}.1").write_text(text)


if __name__ == "__main__":
    main()
