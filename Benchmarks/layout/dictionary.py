"""Makes a zstd dictionary for snapshots out of snapshots.

Its content is what one-vCPU snapshots consist of, its entropy tables come from all samples.
Pointer authentication keys are replaced: a dictionary must not carry a guest's secrets.
"""

import ctypes
import pathlib
import sys

import vcpusnap

# Little-endian bytes "vcs1"; outside the ranges that zstd reserves for registration.
IDENTIFIER = 0x31736376
KEYS = range(0x603000000013C108, 0x603000000013C11A)
PROVENANCE = [
    ("tool", "vcpusnap 0.1.0"), ("time", "2026-11-24T11:09:53Z"), ("source", "kvm:"),
    ("kernel", "6.12.117+deb13-cloud-arm64"), ("midr", "0x000f0510"),
    ("counter-frequency", "62500000"),
]
CAPABILITIES = [
    "IRQCHIP", "USER_MEMORY", "NR_VCPUS", "NR_MEMSLOTS", "MP_STATE",
    "DESTROY_MEMORY_REGION_WORKS", "SET_GUEST_DEBUG", "IOEVENTFD", "VCPU_EVENTS", "MAX_VCPUS",
    "ONE_REG", "READONLY_MEM", "IRQFD_RESAMPLE", "ARM_PSCI", "ARM_SET_DEVICE_ADDR",
    "DEVICE_CTRL", "ARM_EL1_32BIT", "ENABLE_CAP_VM", "VM_ATTRIBUTES", "ARM_PSCI_0_2",
    "CHECK_EXTENSION_VM", "GUEST_DEBUG_HW_BPS", "GUEST_DEBUG_HW_WPS", "ARM_PMU_V3",
    "VCPU_ATTRIBUTES", "MAX_VCPU_ID", "MSI_DEVID", "IMMEDIATE_EXIT", "ARM_USER_IRQ",
    "ARM_INJECT_SERROR_ESR", "ARM_VM_IPA_SIZE", "MANUAL_DIRTY_LOG_PROTECT2", "ARM_SVE",
    "ARM_PTRAUTH_ADDRESS", "ARM_PTRAUTH_GENERIC", "PMU_EVENT_FILTER", "ARM_IRQ_LINE_LAYOUT_2",
    "ARM_NISV_TO_USER", "ARM_INJECT_EXT_DABT", "STEAL_TIME", "SET_GUEST_DEBUG2", "PTP_KVM",
    "ARM_MTE", "ARM_SYSTEM_SUSPEND", "DIRTY_LOG_RING_ACQ_REL", "COUNTER_OFFSET",
    "ARM_EAGER_SPLIT_CHUNK_SIZE", "ARM_SUPPORTED_BLOCK_SIZES",
    "ARM_SUPPORTED_REG_MASK_RANGES", "GUEST_MEMFD", "ARM_WRITABLE_IMP_ID_REGS", "ARM_EL2",
    "ARM_EL2_E2H0", "ARM_CACHEABLE_PFNMAP_SUPPORTED", "ARM_SEA_TO_USER", "ARM_PMU_V3_STRICT",
]


class Parameters(ctypes.Structure):
    """ZDICT_params_t."""

    _fields_ = [("level", ctypes.c_int), ("notifications", ctypes.c_uint),
                ("identifier", ctypes.c_uint)]


def without_keys(registers):
    filler = bytes(range(0xB0, 0xB8))
    return {each: filler if each in KEYS and any(value) else value
            for each, value in registers.items()}


def singles(machines):
    return [[(0, without_keys(registers))] for vcpus in machines for _, registers in vcpus]


def make(reset, running, per_machine=2):
    """A dictionary from machines at reset and running ones; of those a few vCPUs are content."""
    capabilities = [("capability.KVM_CAP_" + name, "1") for name in CAPABILITIES]
    pieces = [vcpusnap.provenance_payload(capabilities + PROVENANCE)]
    seen = set()
    for vcpus in singles(reset) + singles([each[1:1 + per_machine] or each for each in running]):
        payload = vcpusnap.vcpu_payload(vcpus)
        table = vcpusnap.gaps(sorted(vcpus[0][1]))
        pieces.append(payload.replace(table, b"", 1) if table in seen else payload)
        seen.add(table)
    samples = [vcpusnap.provenance_payload(PROVENANCE),
               vcpusnap.provenance_payload(PROVENANCE + capabilities)]
    samples += map(vcpusnap.vcpu_payload, singles(reset + running))
    samples += [vcpusnap.vcpu_payload(vcpus) for vcpus in reset + running]
    return vcpusnap.Dictionary(finalize(b"".join(pieces), samples), IDENTIFIER)


def finalize(content, samples):
    library = ctypes.CDLL("libzstd.so.1")
    library.ZDICT_finalizeDictionary.restype = ctypes.c_size_t
    library.ZDICT_finalizeDictionary.argtypes = [
        ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p,
        ctypes.POINTER(ctypes.c_size_t), ctypes.c_uint, Parameters]
    result = ctypes.create_string_buffer(len(content) + 65536)
    sizes = (ctypes.c_size_t * len(samples))(*map(len, samples))
    length = library.ZDICT_finalizeDictionary(
        result, len(result), content, len(content), b"".join(samples), sizes, len(samples),
        Parameters(vcpusnap.LEVEL, 0, IDENTIFIER))
    if length > len(result):
        raise RuntimeError("ZDICT_finalizeDictionary refused the content")
    return result.raw[:length]


def main(output):
    """How Formats/vcpusnap-v1.zdict was made. That file is frozen: this only documents it."""
    reset = read_states("reset-6.*")
    running = read_states("*-busy-?") + read_states("idle-8") + read_states("busy-8")
    with open(output, "wb") as file:
        file.write(make(reset, running).data)


def read_states(pattern):
    """The vCPUs of each state file that matches, in order of name."""
    folder = pathlib.Path(__file__).parent / "states"
    return [vcpusnap.decode(path.read_bytes())[1]
            for path in sorted(folder.glob(pattern + ".vcpusnap"))]


if __name__ == "__main__":
    main(*sys.argv[1:])
