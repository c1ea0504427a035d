"""Swift source without what is no code."""

import re

IN_CODE = re.compile(r'//.*|/\*|(#*)("""|")|[()]')


def stripped(text):
    """The code of `text`, line by line: comments are gone, and a text is `""`. What is interpolated into one stays."""
    pieces = []
    strip(text, 0, pieces)
    return "".join(pieces)


def strip(text, at, pieces):
    """Keeps the code from `at` on, to the parenthesis that closes more than were opened, or to the end."""
    depth = 0
    while match := IN_CODE.search(text, at):
        pieces.append(text[at:match.start()])
        at = match.end()
        if match[2]:
            at = strip_literal(text, at, pieces, match[1], match[2])
        elif match[0] == "/*":
            at = strip_block(text, at, pieces)
        elif match[0] in "()":
            depth += 1 if match[0] == "(" else -1
            if depth < 0:
                return at
            pieces.append(match[0])
    pieces.append(text[at:])
    return len(text)


def strip_block(text, at, pieces):
    depth = 1
    for match in re.compile(r"/\*|\*/").finditer(text, at):
        depth += 1 if match[0] == "/*" else -1
        if depth == 0:
            pieces.append("\n" * text.count("\n", at, match.end()))
            return match.end()
    return len(text)


def strip_literal(text, at, pieces, hashes, quotes):
    pieces.append('"')
    for_all = rf"\\{hashes}\(|\\{hashes}.|{quotes}{hashes}"
    while match := re.compile(for_all, re.DOTALL).search(text, at):
        pieces.append("\n" * text.count("\n", at, match.end()))
        at = match.end()
        if match[0].endswith("("):
            pieces.append("(")
            at = strip(text, at, pieces)
            pieces.append(")")
        elif match[0] == quotes + hashes:
            break
    pieces.append('"')
    return at
