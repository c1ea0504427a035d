"""Compares the picture in CONTRIBUTING.md with the targets of Package.swift."""

import re

TARGET = re.compile(r'\.(?:target|executableTarget|systemLibrary)\(\s*name: "(\w+)"((?:[^()]|\([^()]*\))*)\)')
DEPENDENCIES = re.compile(r"dependencies: \[([^\[\]]*)\]")
LINE = re.compile(r"^    (\w+)(?: → (\w+(?:, \w+)*))?(?:  .*)?$", re.M)


def targets(manifest):
    """Every target but those of the tests, and which of these it is built on."""
    found = {}
    for name, rest in TARGET.findall(manifest):
        if 'path: "Tests/' not in rest:
            listed = DEPENDENCIES.search(rest)
            words = re.sub(r"\.product\([^)]*\)", "", listed[1]) if listed else ""
            found[name] = re.findall(r'"(\w+)"', words)
    return found


def picture(text):
    """Every target of the picture, from its top to its bottom, and where its arrows lead."""
    block = text.split("```\n")[1]
    return {name: arrows.split(", ") if arrows else [] for name, arrows in LINE.findall(block)}


def reached(arrows, start):
    """Where the arrows lead from a target, directly or not."""
    return {end for next in arrows.get(start, []) for end in {next} | reached(arrows, next)}


def problems(manifest, text):
    """What the picture says that is not so, and what it leaves out."""
    real, drawn = targets(manifest), picture(text)
    places = {name: place for place, name in enumerate(drawn)}
    for name in sorted(real.keys() ^ drawn.keys()):
        yield f"target {name} is not in both Package.swift and the picture"
    for name in sorted(real.keys() & drawn.keys()):
        for other in drawn[name]:
            if other not in real[name]:
                yield f"the picture's arrow from {name} to {other} is not in Package.swift"
            elif places.get(other, len(places)) < places[name]:
                yield f"the picture's arrow from {name} to {other} does not go down"
        for other in sorted(set(real[name]) - reached(drawn, name)):
            yield f"no arrows of the picture lead from {name} to {other}, on which it is built"
