"""Says on which of some hosts a guest can go on, and what is in its way on the others.

usage: example.py SNAPSHOT HOST...
"""

import sys

import vcpusnap


def main() -> None:
    snapshot = vcpusnap.Snapshot(sys.argv[1])
    print(f"{len(snapshot.vcpus)} vCPUs, from Linux {snapshot.provenance('kernel')}")
    for name in sys.argv[2:]:
        report = snapshot.plan(vcpusnap.Host(name), vcpusnap.Policy("safe"))
        for loss in report.losses()[:3]:
            print(f"  {loss.name}: {loss.reason or loss.outcome}")
        print(f"{name}: {'yes' if report.is_complete else 'no'}")


if __name__ == "__main__":
    main()
