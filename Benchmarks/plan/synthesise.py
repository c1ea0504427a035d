"""Makes many hosts and guests out of the recorded ones, the same for the same seed.

A made host is a recorded one with another name, whose ID registers promise a little less in some fields and
whose kernel has another patch level; a made guest is a fresh vCPU of a made host.
"""

import pathlib
import random
import re
import subprocess

REGISTER = re.compile(r"register (ID_\w+) (0x[0-9a-f]{16}) (0x[0-9a-f]+)")


def lowered(line, generator):
    """The line of an ID register with one of its four-bit fields lowered by one, now and then."""
    match = REGISTER.fullmatch(line)
    if not match or generator.random() > 0.05:
        return line
    value, field = int(match[3], 16), 4 * generator.randrange(16)
    if value >> field & 0xF in (0, 0xF):
        return line
    return f"register {match[1]} {match[2]} {value - (1 << field):#x}"


def host(text, name, generator):
    lines = []
    # Sets of features repeat the ID registers; without them the rules make them up.
    for line in text.split("\nset ")[0].splitlines():
        if line.startswith("name "):
            line = f"name {name}"
        elif line.startswith("kernel "):
            line = re.sub(r"(\d+\.\d+)\.\d+", rf"\g<1>.{generator.randrange(1, 200)}", line, count=1)
        lines.append(lowered(line, generator))
    return "\n".join(lines) + "\n"


def fleet(program, recorded, folder, count, seed):
    """Writes `count` hosts and guests into folders of `folder`; returns the two lists of paths."""
    generator = random.Random(seed)
    texts = [path.read_text() for path in sorted(pathlib.Path(recorded).glob("*.vhost"))]
    hosts, guests = folder / "hosts", folder / "guests"
    hosts.mkdir()
    guests.mkdir()
    for number in range(count):
        path = hosts / f"host-{number:04}.vhost"
        path.write_text(host(generator.choice(texts), path.stem, generator))
        guest = guests / f"guest-{number:04}.vcpusnap"
        subprocess.run([program, "save", f"emulated:{path}", "-o", str(guest)], check=True)
    return sorted(guests.iterdir()), sorted(hosts.iterdir())
