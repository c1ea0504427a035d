#!/usr/bin/env python3
"""Makes the measured states: reset values from register dumps, running guests from QEMU streams.

  import_states.py reset DUMP COUNT OUT.vcpusnap
  import_states.py running DUMP OUT.vcpusnap STREAM...

DUMP lists what a real kernel's KVM_GET_REG_LIST and KVM_GET_ONE_REG gave: lines of register id,
size, two errnos and value in hexadecimal. STREAM is a file of QEMU's `migrate` from a running
guest under TCG; several streams become one machine, vCPU after vCPU. The running state takes its
list and its ID registers from DUMP and everything a guest writes from the stream, so that it is
what KVM would list for that guest.
"""

import re
import struct
import sys

import vcpusnap
from peers import INIT, MP_STATE, MPIDR, PSTATE, core, group, p_register, z_register, SYSTEM

EVENTS, FINALIZED, VLS = 0x7640000000000002, 0x7620000000000001, 0x606000000015FFFF
SECTION = re.compile(rb"\x04....\x03cpu(....)\x00\x00\x00\x16", re.DOTALL)
# KVM's ids of CNTVCT and CNTV_CVAL are each other's encodings; QEMU's TCG list has the encodings.
CNTVCT, CNTV_CVAL, CNTPCT = 0x603000000013DF1A, 0x603000000013DF02, 0x603000000013DF01
OF_HOST = {0x603000000013C000, MPIDR, 0x603000000013D801, 0x603000000013C801,
           CNTVCT, CNTV_CVAL, CNTPCT} | set(range(0x603000000013C008, 0x603000000013C040))


def dump(path):
    registers = {}
    for line in open(path, errors="replace"):
        match = re.match(r"([0-9a-f]{16}) (\d+) 0 -?\d+ ([0-9a-f]+)$", line.strip())
        if match:
            value = bytes.fromhex(match[3])[::-1]
            assert len(value) == int(match[2]) == vcpusnap.size_of(int(match[1], 16)), line
            registers[int(match[1], 16)] = value
    return registers


def stream_vcpus(path):
    data = open(path, "rb").read()
    found = {}
    for match in SECTION.finditer(data):
        start = match.end()
        count, = struct.unpack_from(">i", data, start + 568)
        if 0 < count < 2000:
            ids = struct.unpack_from(f">{count}Q", data, start + 572)
            if list(ids) == sorted(set(ids)):
                index, = struct.unpack(">I", match[1])
                found[index] = stream_registers(data, start, count, ids)
    return [found[index] for index in sorted(found)]


def stream_registers(data, start, count, ids):
    def quads(offset, number):
        return struct.unpack_from(f">{number}Q", data, start + offset)

    values = dict(zip(ids, quads(572 + 8 * count, count)))
    general, (pc,) = quads(64, 32), quads(320, 1)
    pstate, = struct.unpack_from(">I", data, start + 328)
    stack = list(quads(536, 4))
    stack[pstate >> 2 & 3 if pstate & 1 else 0] = general[31]
    registers = {core(2 * place): general[place] for place in range(31)}
    registers |= {core(0x3E): stack[0], core(0x40): pc, PSTATE: pstate, core(0x44): stack[1],
                  core(0x46): quads(504, 4)[1], core(0x48): quads(336, 8)[1]}
    registers |= {each: value for each, value in values.items() if group(each) == SYSTEM}
    registers = {each: struct.pack("<Q", value) for each, value in registers.items()}
    at = data.index(b"\x05\x07cpu/vfp", start) + 13
    vectors = [struct.pack("<2Q", *struct.unpack_from(">2Q", data, at + 16 * place))
               for place in range(32)]
    fpscr, = struct.unpack_from(">I", data, at + 572)
    registers[core(0xD4, 2)] = struct.pack("<I", fpscr & 0xF800009F)
    registers[core(0xD5, 2)] = struct.pack("<I", fpscr & 0x07FF9F00)
    sve = data.find(b"\x05\x07cpu/sve", at, at + 700) + 13
    for place in range(32):
        registers[core(0x54 + 4 * place, 4)] = vectors[place]
        if sve > 13:
            high = struct.unpack_from(">14Q", data, sve + 112 * place)
            value = vectors[place] + struct.pack("<14Q", *high)
            registers[z_register(place)] = value.ljust(256, b"\0")
    for place in range(17 if sve > 13 else 0):
        value = struct.unpack_from(">4Q", data, sve + 3584 + 32 * place)
        registers[p_register(place)] = struct.pack("<4Q", *value)
    return registers


def vcpu(listed, index, running, machine):
    registers = dict(listed)
    for each, value in (running or {}).items():
        if each in registers and each not in OF_HOST and len(value) == len(registers[each]):
            registers[each] = value
    if running:
        timers = [vcpusnap.number(each[CNTVCT]) for each in machine]
        registers[CNTV_CVAL] = running[CNTVCT]
        # Read one vCPU after another, so the clock moves a little from one to the next.
        now = min(timers) - 1234567 + 4321 * index
        registers[CNTVCT] = struct.pack("<Q", now % 2**64)
        if CNTPCT in registers:
            registers[CNTPCT] = struct.pack("<Q", (now + 0x7100000000 + 577) % 2**64)
    registers[MPIDR] = struct.pack("<Q", 1 << 31 | index & 15 | index >> 4 << 8)
    has_sve = VLS in registers
    registers[INIT] = struct.pack("<8I", 5, 0x7C if has_sve else 0x0C, 0, 0, 0, 0, 0, 0)
    registers[EVENTS] = bytes(16)
    registers[MP_STATE] = bytes(4)
    if has_sve:
        registers[VLS] = b"\3" + bytes(63)
        registers[FINALIZED] = struct.pack("<I", 1 << 4)
    return index, registers


def main(kind, path, *arguments):
    listed = dump(path)
    if kind == "reset":
        output, machine = arguments[1], [None] * int(arguments[0])
    else:
        output = arguments[0]
        machine = [each for stream in arguments[1:] for each in stream_vcpus(stream)]
    vcpus = [vcpu(listed, index, running, machine) for index, running in enumerate(machine)]
    with open(output, "wb") as file:
        file.write(vcpusnap.encode([], vcpus))


if __name__ == "__main__":
    main(*sys.argv[1:])
