"""Tests the module with a snapshot, and against the command line, as Scripts/test-library runs it.

usage: test.py SNAPSHOT [PROGRAM]      by default vcpusnap
"""

import json
import subprocess
import sys
import unittest

import vcpusnap


def without_time(plan):
    """The same without what the clock of an emulated VM shows, which goes on."""
    for register in plan["hosts"][0]["vm"]["registers"]:
        if register["name"].startswith("CLOCK_"):
            register.pop("before", None)
            register.pop("found", None)
    return plan


class Tests(unittest.TestCase):
    path = ""
    program = "vcpusnap"

    def setUp(self):
        self.snapshot = vcpusnap.Snapshot(self.path)

    def test_values_are_read_and_written(self):
        self.assertEqual(self.snapshot.vcpus, [0])
        copy = vcpusnap.Snapshot.decode(self.snapshot.encode())
        self.assertEqual(vcpusnap.compare(self.snapshot, copy), [])
        copy.set("TPIDR_EL1", 0x1234)
        self.assertEqual(copy.get("tpidr_el1"), 0x1234)
        (difference,) = vcpusnap.compare(self.snapshot, copy)
        self.assertEqual((difference.name, difference.right, difference.is_volatile), ("TPIDR_EL1", 0x1234, False))
        self.assertEqual(copy.to_dict()[0]["TPIDR_EL1"], 0x1234)
        self.assertGreater(len(copy.to_dict()[vcpusnap.VM]), 100)
        copy.set_provenance("note", "one")
        self.assertEqual(copy.provenance("note"), "one")
        self.assertIsNone(self.snapshot.provenance("note"))

    def test_a_plan_names_what_is_lost(self):
        report = self.snapshot.plan(vcpusnap.Host("6.1-cortex-a57"))
        self.assertFalse(report.is_complete)
        self.assertEqual(len({loss.id for loss in report.losses()}), report.loss_count)
        self.assertIn("MIDR_EL1", [loss.name for loss in report.losses()])
        self.assertEqual(report.to_dict()["hosts"][0]["verdict"], "no")
        forced = self.snapshot.plan(vcpusnap.Host("6.1-cortex-a57"), vcpusnap.Policy("force"))
        self.assertTrue(forced.is_complete)
        self.assertTrue(vcpusnap.Host("6.1-cortex-a57").text.startswith("vhost 1\n"))

    def test_a_plan_is_that_of_the_command_line(self):
        for host in ("6.1-cortex-a57", "7.3-max"):
            printed = subprocess.run(
                [self.program, "plan", self.path, "--host", host, "--policy", "safe", "--format", "json"],
                stdout=subprocess.PIPE, check=False).stdout
            told = json.loads(printed)
            del told["source"]
            report = self.snapshot.plan(vcpusnap.Host(host), vcpusnap.Policy("safe"))
            self.assertEqual(without_time(report.to_dict()), without_time(told))

    def test_registers_are_described(self):
        self.assertEqual(vcpusnap.register_name(vcpusnap.register_id("3,0,1,0,0")), "SCTLR_EL1")
        self.assertIn("M 0x1", vcpusnap.describe("SCTLR_EL1", 1))

    def test_errors_say_what_they_are(self):
        with self.assertRaisesRegex(vcpusnap.Error, "/nonexistent") as caught:
            vcpusnap.Snapshot("/nonexistent")
        self.assertEqual((caught.exception.kind, caught.exception.errno), ("system", 2))
        with self.assertRaises(vcpusnap.Error) as caught:
            vcpusnap.Host("no such host")
        self.assertEqual(caught.exception.kind, "not-found")


if __name__ == "__main__":
    Tests.path, *program = sys.argv[1:]
    Tests.program = (program or [Tests.program])[0]
    del sys.argv[1:]
    unittest.main()
