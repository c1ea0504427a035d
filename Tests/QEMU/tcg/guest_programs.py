"""Small guest programs, as machine code, that leave a different value in every register.

Each comes with what it leaves there, by vcpusnap's names, as far as that is known without knowing QEMU.
"""

import json
import os
import random
import struct

REGISTER_FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                             "..", "..", "..", "Formats", "registers", "registers.jsonl")
DATA_OFFSET = 0x10000  # of the bytes that vector registers are loaded from, in the image
IMAGE_SIZE = 0x18000


class Image:
    """A guest program that is loaded at `base`: words of code, and data."""

    def __init__(self, base, seed):
        self.base = base
        self.random = random.Random(seed)
        self.bytes = bytearray(IMAGE_SIZE)
        self.position = 0
        self.bytes[DATA_OFFSET:] = self.random.randbytes(IMAGE_SIZE - DATA_OFFSET)
        self.final = {}  # what the program leaves in registers
        self.loop = None  # where it ends
        self.hvc = None  # where it goes to Hyp mode

    @property
    def here(self):
        return self.base + self.position

    def emit(self, *words):
        for word in words:
            assert self.position < DATA_OFFSET, "the program is too long"
            struct.pack_into("<I", self.bytes, self.position, word)
            self.position += 4

    def data(self, offset, size):
        return int.from_bytes(self.bytes[DATA_OFFSET + offset:DATA_OFFSET + offset + size], "little")

    def value(self, bits=64):
        return self.random.getrandbits(bits)


def known_registers():
    with open(REGISTER_FILE) as lines:
        return [json.loads(line) for line in lines]


# AArch64

SP_EL = {0: (3, 0, 4, 1, 0), 1: (3, 4, 4, 1, 0), 2: (3, 6, 4, 1, 0)}


def control(kind, level):
    """The encoding of ELR, SPSR, ESR, FAR, VBAR, CPACR of an exception level."""
    op1 = {1: 0, 2: 4, 3: 6}[level]
    return {"spsr": (3, op1, 4, 0, 0), "elr": (3, op1, 4, 0, 1), "esr": (3, op1, 5, 2, 0),
            "far": (3, op1, 6, 0, 0), "vbar": (3, op1, 12, 0, 0)}[kind]


def msr(register, x):
    op0, op1, crn, crm, op2 = register
    return 0xD5000000 | op0 << 19 | op1 << 16 | crn << 12 | crm << 8 | op2 << 5 | x


def mrs(x, register):
    return msr(register, x) | 1 << 21


def load_constant(x, value):
    """MOVZ Xx, #..; MOVK Xx, #.., LSL #16; ..32; ..48"""
    return [(0xD2800000 if part == 0 else 0xF2800000) | part << 21 | (value >> 16 * part & 0xFFFF) << 5 | x
            for part in range(4)]


ISB, ERET, A64_LOOP, HVC, SMC = 0xD5033FDF, 0xD69F03E0, 0x14000000, 0xD4000002, 0xD4000003
CPTR_EL2, CPTR_EL3, CPACR_EL1 = (3, 4, 1, 1, 2), (3, 6, 1, 1, 2), (3, 0, 1, 0, 2)
HCR_EL2, SCR_EL3 = (3, 4, 1, 1, 0), (3, 6, 1, 1, 0)
NZCV, FPCR, FPSR = (3, 3, 4, 2, 0), (3, 3, 4, 4, 0), (3, 3, 4, 4, 1)
ZCR = {1: (3, 0, 1, 2, 0), 2: (3, 4, 1, 2, 0), 3: (3, 6, 1, 2, 0)}
SMCR = {1: (3, 0, 1, 2, 6), 2: (3, 4, 1, 2, 6), 3: (3, 6, 1, 2, 6)}
SVCR = (3, 3, 4, 2, 2)

# Writing these takes effect on the program itself, or is not a write of a value.
NOT_FILLED = {"SCTLR", "CPACR", "CPTR", "HCR", "SCR", "VBAR", "RVBAR", "RMR", "ZCR", "SMCR", "OSLAR", "DBGPRCR",
              "CNTFRQ", "OSDLR", "SVCR"}


def fillable():
    """(name, encoding) of the system registers that a program may give any value."""
    for register in known_registers():
        if "encoding" not in register:
            continue
        op0, op1, crn, crm, op2 = (int(part.lstrip("SC")) for part in register["encoding"].split("_"))
        stem = register["name"].split("_")[0]
        interrupt_interface = op0 == 3 and (crn == 12 and crm >= 8 or (crn, crm) == (4, 6))
        if op0 < 2 or crn == 4 and op0 == 3 or interrupt_interface or stem in NOT_FILLED:
            continue
        yield register["name"], (op0, op1, crn, crm, op2)


def fill_system_registers(image):
    for name, encoding in fillable():
        value = image.value()
        if name.startswith(("DBGBCR", "DBGWCR", "MDSCR")):
            value &= ~1  # no breakpoint, watchpoint or single step of its own
        if name == "CSSELR_EL1":
            value &= 0xF
        if name.startswith(("TCR_", "TCR2_", "MDCR_EL2", "MDCR_EL3", "PMCR")):
            value &= 0xFFFF
        image.emit(*load_constant(0, value), msr(encoding, 0))


def aarch64(base, seed, *, reset_level, level, stack=1, sve=False, sme=None, aarch32=None, start_second=None,
            virtual_host=False, busy=False, fpcr=0x03C00000,
            has_el2=True):
    """Fills the registers at the level of the reset, and goes to `level` with SPSel = stack.

    level: 0 to 3. aarch32: None, or the AArch32 mode to go to, of level 0 or 1. sme: None, or the value for
    SVCR. start_second: None, or where CPU 1 has to start. virtual_host: HCR_EL2.E2H at the end. busy: counts in X2,
    stores it all over a megabyte from `base` + 2 MiB and never rests.
    fpcr: the value of FPCR, whose bits the CPU must have. has_el2: False for a CPU with EL3 and without EL2.
    """
    image = Image(base, seed)
    image.emit(0x14000000 | 0x1000 // 4)  # B over the vectors
    image.position = 0x800  # VBAR: every exception skips its instruction
    elr = control("elr", reset_level)
    for vector in range(16):
        image.position = 0x800 + vector * 0x80
        image.emit(mrs(9, elr), 0x91001129, msr(elr, 9), ERET)  # ADD X9, X9, #4
    image.position = 0x1000
    image.emit(*load_constant(0, base + 0x800), msr(control("vbar", reset_level), 0))
    # Nothing traps. What a CPU does not have is skipped.
    if reset_level == 3:
        image.emit(*load_constant(0, 1 << 8 | 1 << 12), msr(CPTR_EL3, 0))
        scr = 1 | 1 << 4 | 1 << 5 | 1 << 8 | 3 << 16 | 1 << 26 | 1 << 27 | 1 << 28 | 1 << 38 | 1 << 41 | 1 << 18
        if not (aarch32 and level == 1):
            scr |= 1 << 10
        image.emit(*load_constant(0, scr), msr(SCR_EL3, 0))
    if reset_level >= 2:
        image.emit(*load_constant(0, 0x22FF), msr(CPTR_EL2, 0))
    image.emit(*load_constant(0, 3 << 16 | 3 << 20 | 3 << 24), msr(CPACR_EL1, 0), ISB)
    for register in (ZCR, SMCR):
        for el in range(1, reset_level + 1):
            fa64 = 1 << 31 if register is SMCR else 0
            image.emit(*load_constant(0, fa64 | 15), msr(register[el], 0))
    image.emit(ISB)
    if start_second is not None:
        image.emit(*load_constant(0, 0xC4000003), *load_constant(1, 1), *load_constant(2, start_second),
                   *load_constant(3, 0), HVC if reset_level == 1 else SMC)
    fill_system_registers(image)
    if reset_level >= 2:
        hcr = 1 << 40 | 1 << 41 | 1 << 29 | 1 << 56  # APK, API, HCD, ATA
        if not (aarch32 and level == 1):
            hcr |= 1 << 31
        image.emit(*load_constant(0, hcr), msr(HCR_EL2, 0))

    # Vectors. X1 is the address of the data.
    if sme is not None:
        image.emit(*load_constant(0, sme), msr(SVCR, 0))
        if sme & 2:  # ZA: LDR ZA[W12, 0], [X2], row by row of 256
            image.emit(*load_constant(2, base + DATA_OFFSET), *load_constant(12, 0))
            image.emit(*load_constant(3, 256))
            image.emit(0xE1000040, 0x1100058C, 0x91004042, 0xF1000463, 0x54FFFF81)
    image.emit(*load_constant(1, base + DATA_OFFSET), 0xD503201F)
    if sve:
        # The vectors take 256 bytes each at most; LDR Z, [X1]; ADD X1, X1, #256.
        for i in range(32):
            image.emit(0x85804020 | i, 0x91040021)
        # LDR P0, [X1]; WRFFR P0.B; then LDR P, [X1]; ADD X1, X1, #32
        image.emit(0x85800020, 0x25289000)
        for i in range(16):
            image.emit(0x85800020 | i, 0x91008021)
    else:
        for i in range(32):
            image.emit(0x3DC00020 | i, 0x91004021)  # LDR Qi, [X1]; ADD X1, X1, #16
            image.final[f"v{i}"] = image.data(16 * i, 16)
    fpsr = 0x0800009F
    image.emit(*load_constant(0, fpcr), msr(FPCR, 0), *load_constant(0, fpsr), msr(FPSR, 0))
    image.final |= {"fpcr": fpcr, "fpsr": fpsr}

    # What exceptions changed, and stack pointers.
    final = {}
    for el in range(1, reset_level + 1):
        for kind in ("esr", "far", "elr", "spsr"):
            value = image.value() if kind in ("elr", "far") else image.value(32) & 0xF8000000 | 5
            image.emit(*load_constant(0, value), msr(control(kind, el), 0))
            final[f"{kind}_el{el}"] = value
    stacks = {el: image.value() & ~0xF for el in range(0, reset_level + 1)}
    image.emit(0xD50041BF)  # MSR SPSel, #1
    for el, value in stacks.items():
        image.emit(*load_constant(0, value))
        image.emit(0x9100001F if el == reset_level else msr(SP_EL[el], 0))  # MOV SP, X0
    if virtual_host:
        image.emit(*load_constant(0, 1 << 34 | 1 << 31 | 3 << 40 | 1 << 56), msr(HCR_EL2, 0), ISB)

    x = [image.value(32) if aarch32 else image.value() for _ in range(31)]
    if level < reset_level or aarch32 is not None:
        flags = 0x600003C0 if aarch32 is None else 0xA00001C0
        if aarch32 is None:
            pstate = flags | level << 2 | (stack if level else 0)
        else:
            pstate = flags | aarch32
        image.emit(*load_constant(0, pstate), msr(control("spsr", reset_level), 0))
        final[f"spsr_el{reset_level}"] = pstate
        at = image.position
        image.position += 4 * 5
        for i in range(31):
            if i:
                image.emit(*load_constant(i, x[i]))
        image.emit(*load_constant(0, x[0]))
        image.emit(ERET)
        target = image.here
        end = image.position
        image.position = at
        image.emit(*load_constant(0, target), msr(elr, 0))
        final[f"elr_el{reset_level}"] = target
        image.position = end
    else:
        image.emit(0xD50040BF | stack << 8)  # MSR SPSel, #stack
        image.emit(*load_constant(0, 0x90000000), msr(NZCV, 0))
        for i in range(31):
            image.emit(*load_constant(i, x[i]))
        pstate = 0x900003C0 | level << 2 | stack
    image.final |= {f"x{i}": value for i, value in enumerate(x)}
    image.final |= {"pstate": pstate, "elr_el1": final["elr_el1"], "spsr_el1": final["spsr_el1"]}
    image.final |= {"sp_el0": stacks[0], "sp_el1": stacks[1]}
    if busy:
        image.emit(*load_constant(4, base + (2 << 20)))
        image.loop = image.here
        # ADD X2, X2, #8; AND X3, X2, #0xFFFF8; STR X2, [X4, X3]; B
        image.emit(0x91002042, 0x927D4043, 0xF8236882, 0x17FFFFFD)
        image.final["x4"] = base + (2 << 20)
        for name in ("x2", "x3"):
            del image.final[name]
        return image
    if aarch32 not in (None, USR):
        finish_aarch32(image, aarch32)
    else:
        image.loop = image.here
        image.emit(A64_LOOP if aarch32 is None else A32_LOOP)
    image.final["pc"] = image.loop
    for el in (1, 2, 3)[:reset_level]:
        if el == 2 and not has_el2:
            continue
        image.final |= {f"ESR_EL{el}": final[f"esr_el{el}"], f"FAR_EL{el}": final[f"far_el{el}"]}
    return image


# AArch32

USR, FIQ, IRQ, SVC, MON, ABT, HYP, UND, SYS = 0x10, 0x11, 0x12, 0x13, 0x16, 0x17, 0x1A, 0x1B, 0x1F

A32_NOP, A32_LOOP, A32_ISB, A32_HVC, A32_ERET = 0xE1A00000, 0xEAFFFFFE, 0xF57FF06F, 0xE1400070, 0xE160006E
RETURN_FROM_UNDEFINED = 0xE1B0F00E  # MOVS PC, LR
MSR_SPSR_R0 = 0xE16FF000  # MSR SPSR_fsxc, R0
MSR_FLAGS = 0xE328F20A  # MSR CPSR_f, #0xA0000000
VMSR_FPEXC_R0, VMSR_FPSCR_R0 = 0xEEE80A10, 0xEEE10A10
VLDM_D0_D15, VLDM_D16_D31 = 0xECB00B20, 0xECF00B20  # VLDMIA R0!, {...}

# LR and SP of each mode by the X registers that hold them in AArch64.
MODES = {IRQ: (16, 17), SVC: (18, 19), ABT: (20, 21), UND: (22, 23), FIQ: (30, 29), SYS: (14, 13)}
SPSRS = {SVC: "spsr_el1", ABT: "spsr_abt", UND: "spsr_und", IRQ: "spsr_irq", FIQ: "spsr_fiq"}

NOT_FILLED32 = {"SCTLR", "CPACR", "SCR", "NSACR", "HCR", "HCR2", "HCPTR", "RMR", "HRMR", "VBAR", "HVBAR", "MVBAR",
                "RVBAR", "HSCTLR", "DBGOSLAR", "DBGPRCR", "DBGOSDLR", "CNTFRQ", "FCSEIDR", "HDCR", "SDCR", "HSTR",
                "TEECR", "JMCR"}


def load_constant32(r, value):
    """MOVW Rr, #..; MOVT Rr, #.."""
    return [0xE3000000 | (0x400000 if shift else 0) | (value >> shift & 0xF000) << 4 | r << 12
            | value >> shift & 0xFFF for shift in (0, 16)]


def cps(mode):
    return 0xF1020000 | mode


def mcr(opc1, r, crn, crm, opc2, cp=15):
    return 0xEE000010 | opc1 << 21 | crn << 16 | r << 12 | cp << 8 | opc2 << 5 | crm


def mcrr(opc1, r, r2, crm, cp=15):
    return 0xEC400000 | r2 << 16 | r << 12 | cp << 8 | opc1 << 4 | crm


def write_scr(value):
    return [*load_constant32(2, value), mcr(0, 2, 1, 1, 0)]


def fill_coprocessors(image, before=(), hyp=False):
    """Writes every register of p14 and p15 that may have any value, those of Hyp (Opc1 4) only if `hyp`."""
    for register in known_registers():
        number = int(register["id"], 16)
        if number >> 56 != 0x40 or number >> 29 & 1:
            continue
        wide = number >> 52 & 0xF == 3
        opc1 = number >> 3 & (0xF if wide else 7)
        stem = register["name"].removesuffix("_64")
        if stem in NOT_FILLED32 or stem.startswith(("ICC_", "ICH_")) or (opc1 in (4, 6)) != hyp:
            continue
        value = image.value(32)
        if stem.startswith(("DBGBCR", "DBGWCR", "DBGDSCR")):
            value &= ~1  # no breakpoint or watchpoint of its own
        if stem == "CSSELR":
            value &= 0xF
        if stem == "CNTHCTL":
            value |= 3  # do not trap the timers
        if stem == "TTBCR":
            value &= 7
        if stem == "PMCR":
            value &= 0x19
        image.emit(*before, *load_constant32(0, value))
        cp, crm = number >> 16 & 0xF, number >> 7 & 0xF
        if wide:
            image.emit(*load_constant32(1, image.value(32)), mcrr(opc1, 0, 1, crm, cp))
        else:
            image.emit(mcr(opc1, 0, number >> 11 & 0xF, crm, number & 7, cp))


def finish_aarch32(image, mode, secure=False, thumb=False):
    """From a privileged mode: fills the registers of every mode and goes to `mode`."""
    x = [image.value(32) for _ in range(31)]
    for m, (lr, sp) in MODES.items():
        image.emit(cps(m))
        if m == FIQ:
            for i in range(5):
                image.emit(*load_constant32(8 + i, x[24 + i]))
        image.emit(*load_constant32(13, x[sp]), *load_constant32(14, x[lr]))
        if m in SPSRS:
            spsr = image.value(32) & 0xFE0FFFE0 | m
            image.final[SPSRS[m]] = spsr
            image.emit(*load_constant32(0, spsr), MSR_SPSR_R0)
    for i in range(8, 13):
        image.emit(*load_constant32(i, x[i]))
    if secure:
        image.emit(cps(MON), *load_constant32(13, image.value(32)), *load_constant32(14, image.value(32)))
        image.emit(*load_constant32(0, image.value(32) & 0xFE0FFFE0 | MON), MSR_SPSR_R0)
    if mode == HYP:  # HVC goes on behind it
        x[15] = image.value(32)
        image.hvc = image.here + 4
        image.emit(cps(SVC), A32_HVC, *load_constant32(13, x[15]))
    else:
        image.emit(cps(mode))
        # Other values than the bank of the mode has now, which QEMU does not keep up to date.
        lr, sp = MODES.get(mode, (None, None)) if mode != USR else MODES[SYS]
        for register, place in ((13, sp), (14, lr)):
            value = image.value(32)
            image.emit(*load_constant32(register, value))
            if place is not None:
                x[place] = value
        if mode == FIQ:
            for i in range(5):
                x[24 + i] = image.value(32)
                image.emit(*load_constant32(8 + i, x[24 + i]))
        if mode in SPSRS:
            spsr = image.value(32) & 0xFE0FFFE0 | mode
            image.final[SPSRS[mode]] = spsr
            image.emit(*load_constant32(0, spsr), MSR_SPSR_R0)
    image.emit(MSR_FLAGS)
    for i in range(8):
        image.emit(*load_constant32(i, x[i]))
    image.final |= {f"x{i}": value for i, value in enumerate(x) if i != 15 or mode == HYP}
    image.final["pstate"] = 0xA00001C0 | mode
    if thumb:
        image.emit(0xFA000000)  # BLX to Thumb, 8 bytes from here
        lr = {USR: 14, HYP: 14, **{m: lr for m, (lr, _) in MODES.items()}}[mode]
        image.final[f"x{lr}"] = image.here
        image.emit(A32_NOP)
        image.loop = image.here
        image.emit(0xE7FEE7FE)  # B to itself
        image.final["pstate"] |= 0x20
    else:
        image.loop = image.here
        image.emit(A32_LOOP)
    image.final["pc"] = image.loop


def aarch32(base, seed, *, mode, secure=False, hypervisor=False, thumb=False, start_second=None):
    """A program for a CPU that resets to AArch32. HYP needs a CPU with `hypervisor`, MON one with `secure`."""
    image = Image(base, seed)
    # The vectors: reset, undefined and so on
    image.emit(0xEA000000 | (0x100 - 8) // 4, *[RETURN_FROM_UNDEFINED] * 7)
    image.position = 0x44  # Hyp: undefined, and 0x14 for HVC
    image.emit(0xEA000000 | (0x80 - 0x44 - 8) // 4)
    hvc_entry = 0x54
    image.position = 0x80  # MRS R12, ELR_hyp; ADD R12, R12, #4; MSR ELR_hyp, R12; ERET
    image.emit(0xE10EC300, 0xE28CC004, 0xE12EF30C, A32_ERET)
    image.position = 0x100
    if hypervisor:
        image.emit(*load_constant32(0, base + 0x40), mcr(4, 0, 12, 0, 0))
        fill_coprocessors(image, hyp=True)
        image.emit(*load_constant32(0, image.here + 4 * 7), *load_constant32(1, 0x1D3))
        image.emit(0xE12EF300, 0xE16FF001, A32_ERET)  # MSR ELR_hyp, R0; MSR SPSR_fsxc, R1
    image.emit(*load_constant32(0, base), mcr(0, 0, 12, 0, 0))  # VBAR
    image.emit(*load_constant32(0, 0x00F00000), mcr(0, 0, 1, 0, 2), A32_ISB)  # CPACR
    if secure:
        image.emit(*load_constant32(0, 0xC00), mcr(0, 0, 1, 1, 2), cps(MON))  # NSACR
    fill_coprocessors(image)
    if secure:
        fill_coprocessors(image, before=write_scr(1))
        image.emit(*write_scr(0))
    if start_second is not None:
        image.emit(*load_constant32(0, 0x84000003), *load_constant32(1, 1), *load_constant32(2, start_second),
                   *load_constant32(3, 0), A32_HVC)
    image.emit(*load_constant32(0, 0x40000000), VMSR_FPEXC_R0)
    image.emit(*load_constant32(0, base + DATA_OFFSET), VLDM_D0_D15, VLDM_D16_D31)
    for i in range(16):
        image.final[f"v{i}"] = image.data(16 * i, 16)
    fpscr = 0xABC0009F
    image.emit(*load_constant32(0, fpscr), VMSR_FPSCR_R0)
    image.final |= {"fpsr": fpscr & 0xF800009F, "fpcr": fpscr & 0x03C00000}
    finish_aarch32(image, mode, secure, thumb)
    if hypervisor:
        target = image.hvc + 4 - base if mode == HYP else 0x80
        image.position = hvc_entry
        image.emit(0xEA000000 | (target - hvc_entry - 8) // 4)
    return image


# Programs for Linux: the init process of a kernel

def executable(image, machine):
    """Makes an ELF file of the image, whose code begins at 0x1000."""
    wide = machine == 183
    entry, size = image.base + 0x1000, len(image.bytes)
    word = "Q" if wide else "I"
    header_size, segment_size = (64, 56) if wide else (52, 32)
    flags = 0 if wide else 0x05000000
    header = b"\x7fELF" + bytes([2 if wide else 1, 1, 1]) + bytes(9)
    header += struct.pack(f"<HHI{word * 3}I6H", 2, machine, 1, entry, header_size, 0, flags,
                          header_size, segment_size, 1, 0, 0, 0)
    if wide:
        header += struct.pack("<IIQQQQQQ", 1, 7, 0, image.base, image.base, size, size, 0x10000)
    else:
        header += struct.pack("<IIIIIIII", 1, 0, image.base, image.base, size, size, 7, 0x10000)
    image.bytes[:len(header)] = header
    return bytes(image.bytes)


READY = b"registers are set\n"


def linux_aarch64(seed, sve=False):
    """An init that says READY, fills the registers that EL0 has and loops."""
    image = Image(0x400000, seed)
    image.bytes[0x800:0x800 + len(READY)] = READY
    image.position = 0x1000
    image.emit(*load_constant(0, 1), *load_constant(1, image.base + 0x800), *load_constant(2, len(READY)),
               *load_constant(8, 64), 0xD4000001)  # SVC: write
    image.emit(*load_constant(1, image.base + DATA_OFFSET))
    if sve:
        for i in range(32):
            image.emit(0x85804020 | i, 0x91040021)
        image.emit(0x85800020, 0x25289000)
        for i in range(16):
            image.emit(0x85800020 | i, 0x91008021)
    else:
        for i in range(32):
            image.emit(0x3DC00020 | i, 0x91004021)
            image.final[f"v{i}"] = image.data(16 * i, 16)
    thread = image.value()
    image.emit(*load_constant(0, 0x03C00000), msr(FPCR, 0), *load_constant(0, 0x0800009F), msr(FPSR, 0))
    image.emit(*load_constant(0, thread), msr((3, 3, 13, 0, 2), 0))
    stack = image.value() & ~0xF
    image.emit(*load_constant(0, stack), 0x9100001F, *load_constant(0, 0x90000000), msr(NZCV, 0))
    for i in range(31):
        image.final[f"x{i}"] = image.value()
        image.emit(*load_constant(i, image.final[f"x{i}"]))
    image.loop = image.here
    image.emit(A64_LOOP)
    image.final |= {"pc": image.loop, "sp_el0": stack, "TPIDR_EL0": thread, "fpcr": 0x03C00000, "fpsr": 0x0800009F}
    return image, executable(image, 183)


def linux_aarch32(seed):
    """The same as an AArch32 process."""
    image = Image(0x400000, seed)
    image.bytes[0x800:0x800 + len(READY)] = READY
    image.position = 0x1000
    image.emit(*load_constant32(0, 1), *load_constant32(1, image.base + 0x800), *load_constant32(2, len(READY)),
               *load_constant32(7, 4), 0xEF000000)  # SVC: write
    image.emit(*load_constant32(0, image.base + DATA_OFFSET), VLDM_D0_D15, VLDM_D16_D31)
    for i in range(16):
        image.final[f"v{i}"] = image.data(16 * i, 16)
    image.emit(*load_constant32(0, 0xABC0009F), VMSR_FPSCR_R0, MSR_FLAGS)
    image.final |= {"fpsr": 0xA800009F, "fpcr": 0x03C00000}
    for i in range(15):
        image.final[f"x{i}"] = image.value(32)
        image.emit(*load_constant32(i, image.final[f"x{i}"]))
    image.loop = image.final["pc"] = image.here
    image.emit(A32_LOOP)
    return image, executable(image, 40)


def initramfs(init):
    """A cpio archive with /init and /dev/console."""
    archive = bytearray()

    def add(name, mode, data=b"", device=(0, 0)):
        fields = [len(archive) + 1, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(name) + 1, 0]
        archive.extend(b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0")
        archive.extend(bytes(-len(archive) % 4) + data)
        archive.extend(bytes(-len(archive) % 4))
    add("dev", 0o40755)
    add("dev/console", 0o20600, device=(5, 1))
    add("init", 0o100755, init)
    add("TRAILER!!!", 0)
    return bytes(archive)
