#!/usr/bin/env python3
"""Makes migration streams of emulated vCPUs, with what QEMU's own debugger interface says of their registers.

usage: streams.py FOLDER [NAME]... [--kernel IMAGE] [--qemu PROGRAM] [--jobs N]

For each case FOLDER gets NAME.mig (the stream of `migrate`), NAME.xen (the stream of
`xen-save-devices-state`, made at the same stop) and NAME.expected.json: for each vCPU the registers that
the gdbstub showed at that stop (`gdb`) and those whose values the guest program chose (`program`).

The guests are small programs that give each register another value (guest_programs.py), and Linux where
there is a kernel: IMAGE, or that of the lab (Scripts/lab). Without one those cases are left out.
Exit status 69 when there is no QEMU 10.0 or newer.
"""

import argparse
import concurrent.futures
import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

import guest_programs as guests
from qemu import Debugger, QEMUError, VM

BASES = (0x40200000, 0x40300000)
GUEST_SECONDS = 20
LINUX_SECONDS = 120


@dataclasses.dataclass
class Case:
    """A VM. `guest` makes the program of CPU n: guest(base, seed, **what `start_second` needs)."""
    name: str
    cpu: str
    guest: object = None
    machine: str = "virt"
    vcpus: int = 1
    started: int = 1  # how many of them run the program
    linux: object = None  # instead of guest: makes (image, init)
    stop_early: bool = False  # while Linux boots
    capabilities: tuple = ()
    uri: str = "file:{}"
    live: bool = False  # the VM is not stopped before the migration, so there is no .xen
    arguments: tuple = ()


def a64(**options):
    return lambda base, seed, **more: guests.aarch64(base, seed, **options, **more)


def a32(**options):
    return lambda base, seed, **more: guests.aarch32(base, seed, **options, **more)


EL1 = dict(reset_level=1, level=1)
EL2 = dict(reset_level=2)
EL3 = dict(reset_level=3)
HYPERVISOR, SECURE, BOTH = ("virt,virtualization=on", "virt,secure=on", "virt,virtualization=on,secure=on")

CASES = [
    # AArch32 CPUs
    *[Case(f"a15-{name}", "cortex-a15", a32(mode=mode))
      for name, mode in [("svc", guests.SVC), ("irq", guests.IRQ), ("fiq", guests.FIQ), ("abt", guests.ABT),
                         ("und", guests.UND), ("sys", guests.SYS), ("usr", guests.USR)]],
    Case("a15-thumb", "cortex-a15", a32(mode=guests.SVC, thumb=True)),
    Case("a15-2cpu", "cortex-a15", a32(mode=guests.SVC), vcpus=2, started=2),
    Case("a15-2cpu-off", "cortex-a15", a32(mode=guests.FIQ), vcpus=2),
    Case("a15-hyp", "cortex-a15", a32(mode=guests.HYP, hypervisor=True), HYPERVISOR),
    Case("a15-hyp-svc", "cortex-a15", a32(mode=guests.SVC, hypervisor=True), HYPERVISOR),
    Case("a15-mon", "cortex-a15", a32(mode=guests.MON, secure=True), SECURE),
    Case("a15-secure-irq", "cortex-a15", a32(mode=guests.IRQ, secure=True), SECURE),
    Case("a7-svc", "cortex-a7", a32(mode=guests.SVC)),

    # AArch64 CPUs, one for each level and stack pointer
    Case("a57-el1h", "cortex-a57", a64(**EL1)),
    Case("a57-el1t", "cortex-a57", a64(**EL1, stack=0)),
    Case("a57-el0", "cortex-a57", a64(reset_level=1, level=0)),
    Case("a57-el0-aarch32", "cortex-a57", a64(reset_level=1, level=0, aarch32=guests.USR)),
    Case("a57-2cpu", "cortex-a57", a64(**EL1), vcpus=2, started=2),
    Case("a57-2cpu-off", "cortex-a57", a64(**EL1, stack=0), vcpus=2),
    Case("a57-el2h", "cortex-a57", a64(**EL2, level=2), HYPERVISOR),
    Case("a57-el2t", "cortex-a57", a64(**EL2, level=2, stack=0), HYPERVISOR),
    Case("a57-el2-el1h", "cortex-a57", a64(**EL2, level=1), HYPERVISOR),
    Case("a57-el2-el1t", "cortex-a57", a64(**EL2, level=1, stack=0), HYPERVISOR),
    *[Case(f"a57-el2-{name}", "cortex-a57", a64(**EL2, level=1, aarch32=mode), HYPERVISOR)
      for name, mode in [("svc", guests.SVC), ("irq", guests.IRQ), ("fiq", guests.FIQ), ("abt", guests.ABT),
                         ("und", guests.UND), ("sys", guests.SYS), ("usr", guests.USR)]],
    Case("a57-el3h", "cortex-a57", a64(**EL3, level=3), BOTH),
    Case("a57-el3t", "cortex-a57", a64(**EL3, level=3, stack=0), BOTH),
    Case("n1-el1h", "neoverse-n1", a64(**EL1)),
    Case("n1-el0", "neoverse-n1", a64(reset_level=1, level=0), vcpus=2, started=2),
    Case("v1-el1h", "neoverse-v1", a64(**EL1, sve=True)),
    Case("v1-el1t-2cpu", "neoverse-v1", a64(**EL1, stack=0, sve=True), vcpus=2, started=2),
    Case("v1-el2", "neoverse-v1", a64(**EL2, level=1, sve=True), HYPERVISOR),
    Case("a64fx-el1h", "a64fx", a64(**EL1, sve=True)),
    Case("a64fx-el0", "a64fx", a64(reset_level=1, level=0, sve=True)),
    Case("max-el1h", "max", a64(**EL1, sve=True)),
    Case("max-fpcr", "max,sve=off,sme=off", a64(**EL1, fpcr=0x03C02007)),  # EBF, NEP, AH and FIZ too
    Case("max-el0", "max", a64(reset_level=1, level=0, sve=True)),
    Case("max-el0-aarch32", "max", a64(reset_level=1, level=0, sve=True, aarch32=guests.USR)),
    Case("max-2cpu", "max", a64(**EL1, stack=0, sve=True), vcpus=2, started=2),
    Case("max-sve512", "max,sve512=on", a64(**EL1, sve=True)),
    Case("max-sve128", "max,sve128=on,sve256=off", a64(**EL1, sve=True)),
    Case("max-nosve", "max,sve=off,sme=off", a64(**EL1)),
    Case("max-nosve-el0", "max,sve=off,sme=off", a64(reset_level=1, level=0), vcpus=2, started=2),
    Case("max-mte", "max", a64(**EL1, sve=True), "virt,mte=on"),
    Case("max-sme-za", "max", a64(**EL1, sve=True, sme=2)),
    Case("max-sme-streaming", "max", a64(**EL1, sve=True, sme=3)),
    Case("max-el2h", "max", a64(**EL2, level=2, sve=True), HYPERVISOR),
    Case("max-el2-host", "max", a64(**EL2, level=2, sve=True, virtual_host=True), HYPERVISOR),
    Case("max-el2-el1", "max", a64(**EL2, level=1, sve=True), HYPERVISOR),
    Case("max-el2-svc", "max", a64(**EL2, level=1, sve=True, aarch32=guests.SVC), HYPERVISOR),
    Case("max-el2-fiq", "max", a64(**EL2, level=1, sve=True, aarch32=guests.FIQ), HYPERVISOR),
    Case("max-el3h", "max", a64(**EL3, level=3, sve=True), BOTH),
    Case("max-el3-el2", "max", a64(**EL3, level=2, sve=True), BOTH),
    Case("max-el3-el1", "max", a64(**EL3, level=1, sve=True), BOTH),
    Case("max-el3-el0", "max", a64(**EL3, level=0, sve=True), BOTH),
    Case("max-secure", "max", a64(**EL3, level=3, stack=0, sve=True, has_el2=False), SECURE),

    # Other forms of the stream
    Case("max-gicv3", "max", a64(**EL1, sve=True), "virt,gic-version=3", vcpus=2, started=2),
    Case("a57-virt-7.2", "cortex-a57", a64(**EL1), "virt-7.2"),
    Case("max-virt-8.2", "max", a64(**EL1, sve=True), "virt-8.2"),
    Case("max-virt-9.2", "max", a64(**EL1, sve=True), "virt-9.2"),
    Case("max-exec", "max", a64(**EL1, sve=True), uri="exec:cat > {}"),
    Case("max-mapped-ram", "max", a64(**EL1, sve=True), capabilities=("mapped-ram",)),
    Case("n1-mapped-ram-multifd", "neoverse-n1", a64(**EL1), vcpus=2, started=2,
         capabilities=("mapped-ram", "multifd")),
    Case("a57-uuid", "cortex-a57", a64(**EL1), capabilities=("validate-uuid",),
         arguments=("-uuid", "12345678-9abc-def0-1234-56789abcdef0")),
    Case("n1-live", "neoverse-n1", a64(**EL1, busy=True), live=True),
    Case("n1-live-xbzrle", "neoverse-n1", a64(**EL1, busy=True), capabilities=("xbzrle",), live=True),
    Case("n1-no-footers", "neoverse-n1", a64(**EL1), arguments=("-global", "migration.send-section-footer=off")),

    # Linux. Its RAM is shared, so it is not in the stream.
    Case("linux-n1-2cpu", "neoverse-n1", linux=lambda: guests.linux_aarch64(1), vcpus=2),
    Case("linux-max-2cpu", "max,pauth-impdef=on", linux=lambda: guests.linux_aarch64(2, sve=True),
         machine="virt,gic-version=3", vcpus=2),
    Case("linux-a57-aarch32", "cortex-a57", linux=lambda: guests.linux_aarch32(3)),
    Case("linux-v1-boot", "neoverse-v1", linux=lambda: guests.linux_aarch64(4, sve=True), stop_early=True),
]


def wait_for(condition, what, seconds, vm):
    end = time.monotonic() + seconds
    while not condition():
        if vm.process.poll() is not None:
            raise QEMUError(f"QEMU ended: {vm.log()}")
        if time.monotonic() > end:
            raise QEMUError(f"{what} did not happen in {seconds} s")
        time.sleep(0.02)


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


def prepare_program(case, folder):
    """Program files and arguments of a case without Linux, and the images of the CPUs that run."""
    images = []
    for cpu in reversed(range(case.started)):
        more = {"start_second": BASES[1]} if cpu == 0 and case.started == 2 else {}
        images.insert(0, case.guest(BASES[cpu], f"{case.name}/{cpu}", **more))
    arguments = ["-m", "64"]
    for cpu, image in enumerate(images):
        path = os.path.join(folder, f"program{cpu}")
        write(path, image.bytes)
        start = ",cpu-num=0" if cpu == 0 else ""
        arguments += ["-device", f"loader,file={path},addr={image.base:#x},force-raw=on{start}"]
    return arguments, images


def prepare_linux(case, folder, kernel):
    image, init = case.linux()
    path = os.path.join(folder, "initramfs")
    write(path, guests.initramfs(init))
    return ["-m", "192", "-object", f"memory-backend-file,id=ram,size=192M,share=on,mem-path={folder}/ram",
            "-kernel", kernel, "-initrd", path,
            "-append", "console=ttyAMA0 earlycon nokaslr panic=-1 mitigations=off"], image


def make(case, options):
    machine = case.machine
    with tempfile.TemporaryDirectory(prefix="tcg-") as folder:
        capabilities = case.capabilities
        if case.linux:
            machine += ",memory-backend=ram"
            capabilities += ("x-ignore-shared",)
            arguments, image = prepare_linux(case, folder, options.kernel)
        else:
            arguments, images = prepare_program(case, folder)
        arguments = ["-accel", "tcg", "-M", machine, "-cpu", case.cpu, "-smp", str(case.vcpus), *arguments,
                     *case.arguments]
        result = os.path.join(options.folder, case.name)
        with VM(options.qemu, arguments, folder) as vm:
            programs = [{} for _ in range(case.vcpus)]
            if case.linux and case.stop_early:
                wait_for(lambda: vm.serial().count("\n") > 60, "booting", LINUX_SECONDS, vm)
            elif case.linux:
                wait_for(lambda: guests.READY.decode().strip() in vm.serial(), "Linux's init", LINUX_SECONDS, vm)
                # The vCPU may be on its way, or in an interrupt. Stopped in the loop it counts.
                for _ in range(200):
                    wait_for(lambda: image.loop in vm.program_counters(), "the end of init", GUEST_SECONDS, vm)
                    vm.command("stop")
                    counters = vm.program_counters()
                    if image.loop in counters:
                        programs[counters.index(image.loop)] = image.final
                        break
                    vm.command("cont")
                else:
                    raise QEMUError("init is not in its loop at any stop")
            else:
                def arrived():
                    counters = vm.program_counters()
                    return all(image.loop <= counter < image.loop + 16
                               for image, counter in zip(images, counters))
                wait_for(arrived, "the end of the program", GUEST_SECONDS, vm)
                programs[:len(images)] = [image.final for image in images]
            if case.live:
                vm.migrate(case.uri.format(result + ".mig"), capabilities, passes=4)
                vcpus = Debugger(vm).registers()
            else:
                vm.command("stop")
                vcpus = Debugger(vm).registers()
                vm.command("xen-save-devices-state", filename=result + ".xen", live=False)
                vm.migrate(case.uri.format(result + ".mig"), capabilities)
    expected = {
        "qemu": ["-M", machine, "-cpu", case.cpu, "-smp", str(case.vcpus)],
        "vcpus": [{"index": index, "gdb": {name: hex(value) for name, value in gdb.items()},
                   "program": {name: hex(value) for name, value in programs[index].items()}}
                  for index, gdb in enumerate(vcpus)],
    }
    with open(result + ".expected.json", "w") as file:
        json.dump(expected, file, indent=1)
        file.write("\n")


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].split("\n")[0])
    parser.add_argument("folder")
    parser.add_argument("names", nargs="*")
    lab = os.environ.get("VCPUSNAP_LAB") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "vcpusnap-lab")
    parser.add_argument("--kernel", default=os.path.join(lab, "kernels", "6.12", "Image"))
    parser.add_argument("--qemu", default="qemu-system-aarch64")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    options = parser.parse_args()
    if shutil.which(options.qemu) is None:
        print(f"streams: {options.qemu} is not installed", file=sys.stderr)
        return 69
    text = subprocess.run([options.qemu, "--version"], capture_output=True, text=True).stdout
    version = re.search(r"version (\d+)\.(\d+)", text)
    if version is None or int(version[1]) < 10:
        print(f"streams: QEMU 10.0 or newer is needed, this is {text.splitlines()[0] if text else 'none'}",
              file=sys.stderr)
        return 69
    unknown = set(options.names) - {case.name for case in CASES}
    if unknown:
        print(f"streams: no such case: {' '.join(sorted(unknown))}", file=sys.stderr)
        return 64
    cases = [case for case in CASES if not options.names or case.name in options.names]
    if not os.path.exists(options.kernel):
        print(f"streams: no kernel at {options.kernel}: without Linux", file=sys.stderr)
        cases = [case for case in cases if not case.linux]
    cases.sort(key=lambda case: case.linux is None)  # the slow ones first
    os.makedirs(options.folder, exist_ok=True)

    failed = 0
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        started = {}

        def timed(case):
            begin = time.monotonic()
            make(case, options)
            return time.monotonic() - begin
        for case in cases:
            started[pool.submit(timed, case)] = case
        for future in concurrent.futures.as_completed(started):
            name = started[future].name
            try:
                print(f"{name}: {future.result():.1f} s", flush=True)
            except QEMUError as error:
                failed += 1
                print(f"{name}: {error}", file=sys.stderr)
            except Exception:
                failed += 1
                print(f"{name}: {traceback.format_exc()}", file=sys.stderr)
    print(f"{len(cases) - failed} of {len(cases)} cases made")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
