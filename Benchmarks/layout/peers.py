"""The same vCPUs in the layouts of QEMU, Firecracker and Cloud Hypervisor, without memory or devices.

Only what a layout says about the vCPUs is written: for QEMU the "cpu" sections, for the others
the array of vCPU states.
"""

import json
import struct

from vcpusnap import number

MP_STATE, INIT = 0x7620000000000003, 0x7650000000000000
MPIDR, PSTATE = 0x603000000013C005, 0x6030000000100042
CORE, DEMUX, SYSTEM, FIRMWARE, SVE, BITMAPS = 0x10, 0x11, 0x13, 0x14, 0x15, 0x16
LIST_ORDER = [CORE, SVE, FIRMWARE, BITMAPS, SYSTEM, DEMUX]


def group(register):
    return register >> 16 & 0xFFFF


def kernel_list(registers):
    """The registers KVM lists, in the order of kvm_arm_copy_reg_indices."""
    listed = [register for register in registers if register >> 56 == 0x60]
    return sorted(listed, key=lambda each: (LIST_ORDER.index(group(each)), each))


def core(offset, size=3):
    return 0x6000000000100000 | size << 52 | offset


def z_register(place):
    return 0x6080000000150000 + 32 * place


def p_register(place):
    return 0x6050000000150400 + 32 * place


def big_endian(value):
    return b"".join(value[at:at + 8][::-1] for at in range(0, len(value), 8))


def qemu(vcpus):
    """vmstate_arm_cpu version 22 of QEMU 10.0 as KVM fills it: one section for each vCPU."""
    return b"".join(qemu_section(index, registers) for index, registers in vcpus)


def qemu_section(index, registers):
    def get(register):
        return number(registers.get(register, b""))

    listed = sorted(each for each in kernel_list(registers) if group(each) not in (CORE, SVE))
    sp_el0, sp_el1 = get(core(0x3E)), get(core(0x44))
    general = [get(core(2 * place)) for place in range(31)]
    general.append(sp_el1 if get(PSTATE) & 1 else sp_el0)
    banked = [0, get(core(0x48))] + [get(core(0x4A + 2 * place)) for place in range(4)] + [0, 0]
    text = b"\x04" + struct.pack(">IB3sII", 40 + index, 3, b"cpu", index, 22)
    text += bytes(64) + struct.pack(">32Q", *general)
    text += struct.pack(">QII8Q", get(core(0x40)), get(PSTATE) & 0xFFFFFFFF, 0, *banked)
    text += bytes(104) + struct.pack(">8Q", 0, get(core(0x46)), 0, 0, sp_el0, sp_el1, 0, 0)
    text += struct.pack(f">i{len(listed)}Q", len(listed), *listed)
    text += struct.pack(f">{len(listed)}Q", *map(get, listed))
    text += struct.pack(">QQQ8xIIQQQB", 2**64 - 1, 0, 0, 0, 0, 0, 2**64 - 1, 2**64 - 1, 0)
    vectors = [registers.get(z_register(place)) or registers.get(core(0x54 + 4 * place, 4), bytes(16))
               for place in range(32)]
    text += b"\x05\x07cpu/vfp" + struct.pack(">I", 3)
    text += b"".join(big_endian(value[:16]) for value in vectors) + bytes(60)
    text += struct.pack(">I", get(core(0xD4, 2)) | get(core(0xD5, 2)))
    if z_register(0) in registers:
        text += b"\x05\x07cpu/sve" + struct.pack(">I", 1)
        text += b"".join(big_endian(value[16:128]) for value in vectors)
        text += b"".join(big_endian(registers[p_register(place)]) for place in range(17))
    text += b"\x05\x12cpu/irq-line-state" + struct.pack(">II", 1, 0)
    return text + b"\x7e" + struct.pack(">I", 40 + index)


def firecracker(vcpus):
    """Vec<VcpuState> in bincode with fixed integers, as Firecracker up to 1.14 wrote it."""
    text = struct.pack("<Q", len(vcpus))
    for _, registers in vcpus:
        listed = kernel_list(registers)
        values = b"".join(registers[each] for each in listed)
        text += registers[MP_STATE]
        text += struct.pack(f"<Q{len(listed)}Q", len(listed), *listed)
        text += struct.pack("<Q", len(values)) + values
        text += registers.get(MPIDR, bytes(8)) + registers[INIT] + b"\0"
    return text


def cloud_hypervisor(vcpus):
    """The tree of JSON texts of Cloud Hypervisor's state.json, compact."""
    states = {}
    for index, registers in vcpus:
        listed = kernel_list(registers)
        state = {
            "mp_state": number(registers[MP_STATE]),
            "core_regs": {f"{each:x}": number(registers[each])
                          for each in listed if group(each) == CORE},
            "sys_regs": [{"id": each, "addr": number(registers[each])}
                         for each in listed if group(each) not in (CORE, SVE)],
            "extended_regs": [{"id": each, "value": list(registers[each])}
                              for each in listed if group(each) == SVE],
        }
        states[str(index)] = {"snapshot_data": {"state": compact(state)}}
    return compact({"snapshots": {"cpu-manager": {"snapshots": states}}}).encode()


def compact(value):
    return json.dumps(value, separators=(",", ":"))
