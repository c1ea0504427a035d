"""Guests of three CPUs on each other, with a kernel whose KVM lets a guest keep its MIDR_EL1, REVIDR_EL1 and AIDR_EL1.

The guests are those of the built-in profiles, so each host is booted once.
"""

CPUS = [f"neoverse-{core}" for core in ("n1", "n2", "v1")]
# That of the built-in profiles.
PROFILED = "7.3"
REGISTERS = "MIDR_EL1 REVIDR_EL1 AIDR_EL1 VENDOR_HYP_BMAP_2"
# A newer build of the kernel is the same host, and so is one with another number of CPUs.
BUILD = "^(kernel |capability KVM_CAP_NR_VCPUS )"


def implementations(checks, kernel):
    """Every guest on every host, its own too; and one that has other values than any host, and asks for a list."""
    print("== guests of one implementation on hosts of another", flush=True)
    hosts = [f"{kernel}-{cpu}" for cpu in CPUS]
    checks.new_share(*hosts)
    checks.here({
        f"make guests of {PROFILED}-{cpu}":
            f"cd $SHARE && vcpusnap save emulated:{PROFILED}-{cpu} -o {cpu}.fresh && "
            f"vcpusnap set {cpu}.fresh MIDR_EL1=0x410fd8e1 REVIDR_EL1=0x123456789abc AIDR_EL1=0x551 "
            f"VENDOR_HYP_BMAP_2=0x3 -o {cpu}.other"
        for cpu in CPUS})
    checks.boot({
        host: {
            "record the host": f"vcpusnap host --name {host} -o $SHARE/{host}.vhost",
            "the capability alone changes nothing": "kvm-proof other-implementation",
            "restore the guests of all hosts":
                "cd $SHARE; for file in *.fresh *.other; do vcpusnap restore $file kvm: --policy exact --show-keys "
                f"--format json >{host}/$file.json || [ $? -eq 1 ]; done",
        } for host in hosts})
    recorded = {} if kernel != PROFILED else {
        "the built-in profiles are what was recorded":
            f"for file in $SHARE/*.vhost; do grep -vE '{BUILD}' $file >$WORK/recorded; "
            f"grep -vE '{BUILD}' Formats/hosts/${{file##*/}} | cmp - $WORK/recorded; done",
    }
    checks.here(recorded | {
        "no host refuses another implementation":
            f"Tests/CrossHost/reports.py restored '{REGISTERS}' $SHARE/{kernel}-*/*.json",
        "what plan predicts is what happened": "Tests/CrossHost/predicted.py vcpusnap $SHARE",
    })
