"""Guests of three CPUs on each other, with a kernel whose KVM lets a guest keep its MIDR_EL1, REVIDR_EL1 and AIDR_EL1.

The guests are those of the built-in profiles, which are compared with what is recorded, so each host is booted once.
"""

from checks import LAB, run

HOSTS = [f"7.3-neoverse-{core}" for core in ("n1", "n2", "v1")]
REGISTERS = "MIDR_EL1 REVIDR_EL1 AIDR_EL1 VENDOR_HYP_BMAP_2"


def implementations(checks):
    """Every guest on every host, its own too; and one that has other values than any host, and asks for a list."""
    print("== guests of one implementation on hosts of another", flush=True)
    if run(LAB, "setup", "--parts", "newer")[0] != 0:
        print("SKIPPED: no kernel 7.3 can be had here")
        return
    checks.new_share(*HOSTS)
    checks.here({
        f"make guests of {host}":
            f"cd $SHARE && vcpusnap save emulated:{host} -o {host}.fresh && "
            f"vcpusnap set {host}.fresh MIDR_EL1=0x410fd8e1 REVIDR_EL1=0x123456789abc AIDR_EL1=0x551 "
            f"VENDOR_HYP_BMAP_2=0x3 -o {host}.other"
        for host in HOSTS})
    checks.boot({
        host: {
            "record the host": f"vcpusnap host --name {host} -o $SHARE/{host}.vhost",
            "the capability alone changes nothing": "kvm-proof other-implementation",
            "restore the guests of all hosts":
                "cd $SHARE; for file in *.fresh *.other; do vcpusnap restore $file kvm: --policy exact --show-keys "
                f"--format json >{host}/$file.json || [ $? -eq 1 ]; done",
        } for host in HOSTS})
    checks.here({
        # But for the number of CPUs that the lab's machine has.
        "the built-in profiles are what was recorded":
            "for file in $SHARE/*.vhost; do grep -v KVM_CAP_NR_VCPUS $file >$WORK/recorded; "
            "grep -v KVM_CAP_NR_VCPUS Formats/hosts/${file##*/} | cmp - $WORK/recorded; done",
        "no host refuses another implementation":
            f"Tests/CrossHost/reports.py restored '{REGISTERS}' $SHARE/7.3-*/*.json",
        "what plan predicts is what happened": "Tests/CrossHost/predicted.py vcpusnap $SHARE",
    })
