#!/usr/bin/env python3
"""Checks that vcpusnap reads every register of migration streams as QEMU itself reports it.

usage: compare.py VCPUSNAP FOLDER [NAME]... [--list]

FOLDER is what streams.py made. `VCPUSNAP show FILE --format json --show-keys` of each stream is held against
  - the register list and the fixed fields of the stream, as cpu_section.py reads them,
  - the registers that QEMU's gdbstub showed at the same stop,
  - the values that the guest program had put there.
Prints the number of equal values for each stream and at the end what could not be compared, and why; --list
also tells which registers vcpusnap shows that nothing here knows. Exit status 1 when anything differs or a
register of the list is not shown.
"""

import argparse
import collections
import glob
import json
import os
import re
import subprocess
import sys

import cpu_section
from guest_programs import known_registers

# vcpusnap shows the value of CNTV_CVAL_EL0 under the id by which KVM knows it, and CNTVCT_EL0 likewise.
CNTV_CVAL, CNTVCT = 0x603000000013DF1A, 0x603000000013DF02
SWAPPED = {CNTV_CVAL: CNTVCT, CNTVCT: CNTV_CVAL}

WIDE = (1 << 64) - 1
VECTOR_BITS = 1024  # of a Z register are in a stream


def system_id(op0, op1, crn, crm, op2):
    return 0x6030000000130000 | op0 << 14 | op1 << 11 | crn << 7 | crm << 3 | op2


# Registers that the gdbstub names and the dictionary does not: those of EL3 and of particular CPUs. A name with
# several encodings is another register on other CPUs.
OTHER_NAMES = {
    "SCTLR_EL3": [(3, 6, 1, 0, 0)], "ACTLR_EL3": [(3, 6, 1, 0, 1)], "SCR_EL3": [(3, 6, 1, 1, 0)],
    "SDER32_EL3": [(3, 6, 1, 1, 1)], "CPTR_EL3": [(3, 6, 1, 1, 2)], "ZCR_EL3": [(3, 6, 1, 2, 0)],
    "SMCR_EL3": [(3, 6, 1, 2, 6)], "MDCR_EL3": [(3, 6, 1, 3, 1)], "TTBR0_EL3": [(3, 6, 2, 0, 0)],
    "TCR_EL3": [(3, 6, 2, 0, 2)], "AFSR0_EL3": [(3, 6, 5, 1, 0)], "AFSR1_EL3": [(3, 6, 5, 1, 1)],
    "ESR_EL3": [(3, 6, 5, 2, 0)], "TFSR_EL3": [(3, 6, 5, 6, 0)], "FAR_EL3": [(3, 6, 6, 0, 0)],
    "MAIR_EL3": [(3, 6, 10, 2, 0)], "AMAIR_EL3": [(3, 6, 10, 3, 0)], "VBAR_EL3": [(3, 6, 12, 0, 0)],
    "RVBAR_EL1": [(3, 0, 12, 0, 1)], "RVBAR_EL2": [(3, 4, 12, 0, 1)], "RVBAR_EL3": [(3, 6, 12, 0, 1)],
    "RMR_EL1": [(3, 0, 12, 0, 2)], "RMR_EL2": [(3, 4, 12, 0, 2)], "RMR_EL3": [(3, 6, 12, 0, 2)],
    "TPIDR_EL3": [(3, 6, 13, 0, 2)], "SCXTNUM_EL3": [(3, 6, 13, 0, 7)],
    "CNTPS_CTL_EL1": [(3, 7, 14, 2, 1)], "CNTPS_CVAL_EL1": [(3, 7, 14, 2, 2)],
    "CNTHVS_CTL_EL2": [(3, 4, 14, 4, 1)], "CNTHVS_CVAL_EL2": [(3, 4, 14, 4, 2)],
    "CNTHPS_CTL_EL2": [(3, 4, 14, 5, 1)], "CNTHPS_CVAL_EL2": [(3, 4, 14, 5, 2)],
    "L2CTLR_EL1": [(3, 1, 11, 0, 2)], "L2ECTLR_EL1": [(3, 1, 11, 0, 3)], "L2ACTLR": [(3, 1, 15, 0, 0)],
    "CPUACTLR_EL1": [(3, 1, 15, 2, 0), (3, 0, 15, 1, 0)], "CPUECTLR_EL1": [(3, 1, 15, 2, 1), (3, 0, 15, 1, 4)],
    "CPUMERRSR_EL1": [(3, 1, 15, 2, 2)], "L2MERRSR_EL1": [(3, 1, 15, 2, 3)], "CBAR_EL1": [(3, 1, 15, 3, 0)],
    "CPUACTLR2_EL1": [(3, 0, 15, 1, 1)], "CPUACTLR3_EL1": [(3, 0, 15, 1, 2)], "CPUCFR_EL1": [(3, 0, 15, 0, 0)],
    "CPUECTLR2_EL1": [(3, 0, 15, 1, 5)], "CPUPWRCTLR_EL1": [(3, 0, 15, 2, 7)],
    "AMAIR0": [(3, 0, 10, 3, 0)],
    "VNCR_EL2": [(3, 4, 2, 2, 0)], "VSTTBR_EL2": [(3, 4, 2, 6, 0)], "VSTCR_EL2": [(3, 4, 2, 6, 2)],
    "SPSR_EL3": [(3, 6, 4, 0, 0)], "ELR_EL3": [(3, 6, 4, 0, 1)], "SP_EL2": [(3, 6, 4, 1, 0)],
    "ATCR_EL1": [(3, 0, 15, 7, 0)], "ATCR_EL2": [(3, 4, 15, 7, 0)], "ATCR_EL3": [(3, 6, 15, 7, 0)],
    "AVTCR_EL2": [(3, 4, 15, 7, 1)], "CPUPPMCR_EL3": [(3, 6, 15, 2, 0)], "CPUPPMCR2_EL3": [(3, 6, 15, 2, 1)],
    "CPUPPMCR3_EL3": [(3, 6, 15, 2, 6), (3, 6, 15, 2, 4)], "CPUPSELR_EL3": [(3, 6, 15, 8, 0)],
    "CPUPCR_EL3": [(3, 6, 15, 8, 1)], "CPUPOR_EL3": [(3, 6, 15, 8, 2)], "CPUPMR_EL3": [(3, 6, 15, 8, 3)],
    "ERXPFGF_EL1": [(3, 0, 15, 2, 0)], "ERXPFGCTL_EL1": [(3, 0, 15, 2, 1)], "ERXPFGCDN_EL1": [(3, 0, 15, 2, 2)],
}
# The same state by another name of QEMU's.
SAME_STATE = {
    "DBGDSCRint": "MDSCR_EL1", "PMCNTENCLR": "PMCNTENSET_EL0", "PMCNTENCLR_EL0": "PMCNTENSET_EL0",
    "PMOVSSET": "PMOVSR", "PMOVSSET_EL0": "PMOVSCLR_EL0", "SCR": "SCR_EL3", "tpidr": "TPIDR_EL0",
}
# AArch32 registers with bit 29 of the id set that the dictionary does not name.
OTHER_IDS = {"DBGDEVID2": 0x40200000200E3800, "DBGDEVID1": 0x40200000200E3801, "DBGDEVID": 0x40200000200E3802}
RESERVED = {"PFR": (4, 0), "DFR": (5, 0), "AFR": (5, 4), "ISAR": (6, 0), "MMFR": (7, 0)}

# What QEMU shows there is not what it saves.
INCOMPARABLE = {
    "vg": "follows from the vector length",
    "pauth_dmask": "follows from TCR", "pauth_cmask": "follows from TCR",
    "pauth_dmask_high": "follows from TCR", "pauth_cmask_high": "follows from TCR",
    "DBGCLAIMSET_EL1": "a constant of QEMU", "TCO": "a bit of pstate",
}
COUNTER = "the gdbstub shows the cycle counter's offset, not its value"


class Dictionary:
    """The register names of Formats/registers."""

    def __init__(self):
        self.by_name = {}
        self.mapped = collections.defaultdict(list)  # the registers that show a register, by its name
        for register in known_registers():
            for name in [register["name"], *register.get("aliases", [])]:
                self.by_name[name.lower()] = register
            if "mapping" in register:
                self.mapped[register["mapping"].lower()].append(register)


class Shown:
    """What vcpusnap shows of one vCPU."""

    def __init__(self, vcpu):
        self.by_id, self.by_name, self.names = {}, {}, {}
        for register in vcpu["registers"]:
            number, value = int(register["id"], 16), int(register["value"], 16)
            self.by_id[number] = value
            self.by_name[register["name"].lower()] = number
            self.names[number] = register["name"]

    def named(self, name):
        return self.by_name.get(name.lower())


class Comparison:
    def __init__(self, dictionary):
        self.dictionary = dictionary
        self.equal = collections.Counter()
        self.left_out = collections.Counter()
        self.unchecked = collections.Counter()
        self.shown = self.confirmed = 0
        self.differences = []

    def check(self, oracle, name, expected, shown, number, seen, bits=None, low=0):
        value = shown.by_id[number]
        seen[number].add(oracle)
        if bits is not None:
            value = value >> low & (1 << bits) - 1
        if value == expected:
            self.equal[oracle] += 1
        else:
            self.differences.append(f"{oracle}: {name}: {expected:#x}, vcpusnap shows {value:#x} "
                                    f"as {shown.names[number]} ({number:#018x})")

    def vcpu(self, cpu, expected, shown, aarch32_only):
        seen = collections.defaultdict(set)  # oracles by register
        self.register_list(cpu, shown, seen)
        fixed = cpu_section.core(cpu) | cpu_section.vectors(cpu)
        for name, value in fixed.items():
            found = self.find(name, shown, False)
            if found is None:
                self.left_out[f"{name}: in the stream's fields, not shown"] += 1
            else:
                self.check("fields", name, value, shown, found[0], seen)
        for name, text in expected["program"].items():
            self.named("program", name, int(text, 16), shown, seen, aarch32_only)
        self.debugger(cpu, expected["gdb"], shown, seen, aarch32_only)
        for number, name in shown.names.items():
            if not seen[number]:
                self.unchecked[name] += 1
            self.shown += 1
            self.confirmed += bool(seen[number] & {"gdb", "program"})

    def register_list(self, cpu, shown, seen):
        for number, value in cpu.registers:
            target = SWAPPED.get(number, number)
            # QEMU keeps some 32-bit registers in 64 bits and sends them all (DISR on the model max).
            if number >> 52 & 0xF == 2 and value >> 32:
                self.left_out[f"{number:#018x}: list: bits above those of a 32-bit register"] += 1
                value &= 0xFFFFFFFF
            if target in shown.by_id:
                self.check("list", f"{number:#018x}", value, shown, target, seen)
            else:
                self.differences.append(f"list: {number:#018x} = {value:#x} is not shown")

    def find(self, name, shown, aarch32_only):
        """(number, bits, low) of the shown register that holds what QEMU calls `name`, or None."""
        name = re.sub(r"_EL12$", "_EL1", name)
        name = re.sub(r"_EL02$", "_EL0", name)
        name = SAME_STATE.get(name, name)
        if OTHER_IDS.get(name) in shown.by_id:
            return OTHER_IDS[name], None, 0
        if name in OTHER_NAMES:
            for encoding in OTHER_NAMES[name]:
                if system_id(*encoding) in shown.by_id:
                    return system_id(*encoding), None, 0
        if match := re.fullmatch(r"RES_0_C0_C(\d+)_(\d)", name):
            return self.present(system_id(3, 0, 0, int(match[1]), int(match[2])), shown)
        if match := re.fullmatch(r"ID_AA64(PFR|DFR|AFR|ISAR|MMFR)(\d)_EL1(_RESERVED)?", name):
            crm, first = RESERVED[match[1]]
            return self.present(system_id(3, 0, 0, crm, first + int(match[2])), shown)
        if aarch32_only:
            return self.find_aarch32(name, shown)
        forms = ["{}", "{}_EL1", "{}_EL0", "{}_EL2"]
        if self.dictionary.by_name.get(f"{name}_EL1".lower()):
            forms = ["{}_EL1"]  # QEMU shortens some names
        for form in forms:
            number = shown.named(form.format(name))
            if number is not None:
                return number, None, 0
        return self.by_mapping(name, shown)

    def find_aarch32(self, name, shown):
        """The same for a CPU without AArch64."""
        for form in ("{}_NS", "{}_64_NS"):
            number = shown.named(form.format(name))
            if number is not None:
                return number, None, 0
        found = self.by_mapping(name, shown)
        if found is not None:
            return found
        for form in ("{}", "{}_EL1"):
            number = shown.named(form.format(name))
            if number is not None and not (number >> 56 == 0x40 and not number >> 29 & 1):  # the Secure bank's
                return number, None, 0
        return None

    def by_mapping(self, name, shown):
        """A register of another name that holds the same state: all of it, or the one whose part it is."""
        for candidate in self.dictionary.mapped.get(name.lower(), []):
            for form in ("{}_NS", "{}"):
                number = shown.named(form.format(candidate["name"]))
                if number is not None and "mappingLsb" not in candidate:
                    return number, None, 0
        register = self.dictionary.by_name.get(name.lower())
        if register and "mapping" in register:
            number = shown.named(register["mapping"])
            if number is not None:
                wide = register["id"].startswith(("0x403", "0x603"))
                return number, 64 if wide else 32, register.get("mappingLsb", 0)
        return None

    @staticmethod
    def present(number, shown):
        return (number, None, 0) if number in shown.by_id else None

    def named(self, oracle, name, value, shown, seen, aarch32_only):
        if match := re.fullmatch(r"v(\d+)", name):
            z = shown.named(f"z{match[1]}")
            if z is not None:
                self.check(oracle, name, value, shown, z, seen, bits=128)
                return
        found = self.find(name, shown, aarch32_only)
        if found is None:
            self.left_out[f"{name}: {oracle}: not shown"] += 1
            return
        number, bits, low = found
        if aarch32_only and bits is None and value < 1 << 32 and number >> 56 == 0x60:
            bits = 32
        if bits == 32 and low == 0 and value >> 32:
            bits = 64  # QEMU shows all of the field
        self.check(oracle, name, value, shown, number, seen, bits, low)

    def debugger(self, cpu, registers, shown, seen, aarch32_only):
        aarch32 = cpu_section.is_aarch32(cpu)
        status = cpu.fields["cpsr"]
        level = status >> 2 & 3
        current_stack = None if aarch32 else f"sp_el{level if status & 1 else 0}"
        mode = cpu_section.mode(cpu)
        current_spsr = ("SPSR_EL1" if mode == "svc" else f"SPSR_{mode}".upper()) if aarch32 else None
        for full_name, text in registers.items():
            name, value = full_name.split("#")[0], int(text, 16)
            if name in INCOMPARABLE:
                self.left_out[f"{name}: gdb: {INCOMPARABLE[name]}"] += 1
            elif name.startswith("PMCCNTR"):
                self.left_out[f"{name}: gdb: {COUNTER}"] += 1
            elif aarch32_only:
                self.debugger_aarch32(cpu, name, value, shown, seen)
            elif aarch32 and re.fullmatch(r"x\d+|sp|pc|cpsr", name):
                self.left_out["x0 to x30, sp, pc, cpsr: gdb: stale while a CPU with AArch64 is in AArch32 state"] += 1
            elif name.replace("_EL12", "_EL1") == current_spsr:
                self.left_out[f"{name}: gdb: stale while it is that of the AArch32 mode"] += 1
            elif name == "cpsr":
                self.check("gdb", name, value, shown, shown.named("pstate"), seen)
            elif name == "sp":
                self.named("gdb", current_stack, value, shown, seen, False)
            elif name.lower() == current_stack:
                self.left_out[f"{name}: gdb: stale while it is the stack pointer"] += 1
            elif re.fullmatch(r"z\d+", name):
                if value >> VECTOR_BITS:
                    self.left_out[f"z: gdb: bits {VECTOR_BITS} and up, which the stream has not"] += 1
                self.named("gdb", name, value & (1 << VECTOR_BITS) - 1, shown, seen, False)
            else:
                self.named("gdb", name, value, shown, seen, False)

    def debugger_aarch32(self, cpu, name, value, shown, seen):
        """A register of the debugger of a CPU that has no AArch64."""
        mode = cpu_section.mode(cpu)
        if match := re.fullmatch(r"([rdq])(\d+)", name):
            kind, index = match[1], int(match[2])
            if kind == "r":
                index += 16 if mode == "fiq" and index >= 8 else 0
                self.check("gdb", name, value, shown, shown.named(f"x{index}"), seen)
            elif kind == "d":
                self.check("gdb", name, value, shown, shown.named(f"v{index // 2}"), seen, 64, index % 2 * 64)
            else:  # its halves are swapped in QEMU's answer
                value = value >> 64 | (value & WIDE) << 64
                self.check("gdb", name, value, shown, shown.named(f"v{index}"), seen)
        elif name in ("sp", "lr"):
            places = {"usr": (13, 14), "hyp": (15, 14), "irq": (17, 16), "svc": (19, 18), "abt": (21, 20),
                      "und": (23, 22), "fiq": (29, 30)}
            if mode in places:
                place = places[mode][name == "lr"]
                self.check("gdb", name, value, shown, shown.named(f"x{place}"), seen)
            else:
                self.left_out[f"{name}: gdb: Monitor mode's, which has no place in AArch64"] += 1
        elif name in ("pc", "cpsr"):
            self.check("gdb", name, value, shown, shown.named("pstate" if name == "cpsr" else "pc"), seen)
        elif name == "fpscr":
            both = shown.by_id[shown.named("fpsr")] & 0xF800009F | shown.by_id[shown.named("fpcr")] & 0x07FF9F00
            if both == value:
                self.equal["gdb"] += 1
            else:
                self.differences.append(f"gdb: fpscr: {value:#x}, vcpusnap's fpsr and fpcr make {both:#x}")
        elif name in ("fpsid", "fpexc"):
            self.left_out[f"{name}: gdb: not a register of a vCPU's list"] += 1
        elif name.endswith("_S"):
            self.left_out["*_S: gdb: the Secure bank, for which QEMU saves the other bank's value"] += 1
        elif name.startswith("DUMMY"):
            self.left_out[f"{name}: gdb: no register"] += 1
        else:
            self.named("gdb", name, value, shown, seen, True)


# Without footers and without a description nothing in a stream tells that it is whole, so that has to be said.
UNTOLD = "n1-no-footers.xen"


def show(program, path):
    command = [program, "show", path, "--format", "json", "--show-keys"]
    if os.path.basename(path) == UNTOLD:
        refused = subprocess.run(command, capture_output=True, text=True)
        if refused.returncode != 2 or "--undescribed" not in refused.stderr:
            raise ValueError("vcpusnap show: nothing tells that it is whole, and it was taken for that")
        command.append("--undescribed")
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        raise ValueError(f"vcpusnap show: exit status {result.returncode}: {result.stderr.strip()}")
    return json.loads(result.stdout)


def compare(program, path, expected, dictionary):
    comparison = Comparison(dictionary)
    with open(path, "rb") as file:
        cpus = cpu_section.read_cpus(file.read())
    shown = show(program, path)["vcpus"]
    indexes = [vcpu["index"] for vcpu in expected["vcpus"]]
    if [cpu.index for cpu in cpus] != indexes or [vcpu["index"] for vcpu in shown] != indexes:
        raise ValueError(f"vCPUs {indexes}, in the stream {[cpu.index for cpu in cpus]}, "
                         f"vcpusnap shows {[vcpu['index'] for vcpu in shown]}")
    for cpu, vcpu, account in zip(cpus, shown, expected["vcpus"]):
        aarch32_only = "x0" not in account["gdb"]
        comparison.vcpu(cpu, account, Shown(vcpu), aarch32_only)
    return comparison


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].split("\n")[0])
    parser.add_argument("program")
    parser.add_argument("folder")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    dictionary = Dictionary()
    total, left_out, unchecked = collections.Counter(), collections.Counter(), collections.Counter()
    streams = failed = shown = confirmed = 0
    for account in sorted(glob.glob(os.path.join(options.folder, "*.expected.json"))):
        base = account.removesuffix(".expected.json")
        if options.names and os.path.basename(base) not in options.names:
            continue
        with open(account) as file:
            expected = json.load(file)
        for path in (base + ".mig", base + ".xen"):
            if not os.path.exists(path):
                continue
            streams += 1
            try:
                comparison = compare(options.program, path, expected, dictionary)
            except (ValueError, KeyError, cpu_section.StreamError) as error:
                print(f"{os.path.basename(path)}: {error}")
                failed += 1
                continue
            counts = ", ".join(f"{comparison.equal[oracle]} {oracle}"
                               for oracle in ("list", "fields", "program", "gdb"))
            print(f"{os.path.basename(path)}: equal: {counts}; {len(comparison.differences)} differ")
            for difference in comparison.differences:
                print(f"  {difference}")
            failed += bool(comparison.differences)
            total += comparison.equal
            left_out += comparison.left_out
            unchecked += comparison.unchecked
            shown += comparison.shown
            confirmed += comparison.confirmed
    if not streams:
        print(f"compare: no streams in {options.folder}", file=sys.stderr)
        return 1
    print("not comparable, and how often:")
    for what, count in sorted(left_out.items()):
        print(f"  {what} ({count})")
    if options.list:
        print("shown by vcpusnap and not compared:", " ".join(sorted(unchecked)) or "none")
    print(f"{sum(total.values())} values equal in {streams} streams: "
          + ", ".join(f"{count} {oracle}" for oracle, count in sorted(total.items())))
    print(f"of {shown} registers shown {confirmed} are also as the gdbstub or the guest program says")
    print(f"{streams - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
