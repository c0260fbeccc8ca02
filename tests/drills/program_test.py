"""The program itself, as a process: signals, SIGKILL and cleanup, exit codes."""

from __future__ import annotations

import json
import os
import signal
import unittest
from xml.etree import ElementTree

from support import FolderTest, runs, start, wait_for

# A fault is a file. The drill holds it for a minute, unless it is told not to.
SCENARIO = """
import os
from pathlib import Path
from drills.model import Drill, Level, Probe, Step
from drills.tolerance import within

FOLDER = Path(os.environ["TEST_FOLDER"])
FAULT = FOLDER / "fault"

def prepare(context):
    child = context.start("sleep", ["sleep", "300"])
    (FOLDER / "pid").write_text(str(child.pid))

DRILL = Drill(
    name="held", title="Held", proves="that faults end",
    hypothesis=[Probe("quiet", lambda c: FAULT.exists(), within("== 0"))],
    method=lambda c: [Step(
        "a file", lambda c: FAULT.write_text(""), lambda c: FAULT.unlink(),
        lambda c: not FAULT.exists(), ["rm", str(FAULT)],
        ["test", "!", "-e", str(FAULT)], lasts=c.parameters["seconds"])],
    levels=lambda c: [Level("lost", "lost", within("== 0"))],
    prepare=prepare,
    measure=lambda c: c.measured("lost", float(os.environ.get("LOST", "0")), "", 1),
    quick={"seconds": 0.05}, long={"seconds": 60},
)
"""


class Program(FolderTest):
    def setUp(self) -> None:
        super().setUp()
        scenarios = self.folder / "scenarios"
        scenarios.mkdir()
        (scenarios / "held.py").write_text(SCENARIO)
        self.fault = self.folder / "fault"
        self.results = self.folder / "results"
        self.environment = os.environ | {
            "TEST_FOLDER": str(self.folder),
            "STATUS2_DRILL_STATE": str(self.folder / "state"),
        }

    def drill(self, *arguments: str, **more: str) -> tuple[int, str]:
        process = self.started(*arguments, **more)
        output, _ = process.communicate(timeout=20)
        return process.returncode, output

    def started(self, *arguments: str, **more: str):
        process = start("--scenarios", str(self.folder / "scenarios"), *arguments,
                        environment=self.environment | more)  # fmt: skip

        def end() -> None:
            if process.poll() is None:
                process.kill()
            process.communicate()

        self.addCleanup(end)
        return process

    def run_held(self, *arguments: str, **more: str) -> tuple[int, str]:
        where = ["--results", str(self.results)]
        return self.drill("run", "held", *where, *arguments, **more)

    def begun(self):
        process = self.started("run", "held", "--results", str(self.results))
        wait_for(self.fault.exists, "the fault is there")
        return process

    def child_runs(self) -> bool:
        return runs(int((self.folder / "pid").read_text()))

    def report(self) -> dict:
        (folder,) = self.results.iterdir()
        return json.loads((folder / "report.json").read_text())

    def test_a_signal_undoes_everything_and_is_reported(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number=number.name):
                process = self.begun()
                process.send_signal(number)
                output, _ = process.communicate(timeout=10)
                self.assertEqual(process.returncode, 3, output)
                self.assertFalse(self.fault.exists())
                self.assertFalse(self.child_runs())
                report = max(self.results.iterdir()) / "report.json"
                reasons = json.loads(report.read_text())["drills"]["held"]["reasons"]
                self.assertEqual(reasons, [f"interrupted by {number.name}"])

    def test_cleanup_undoes_what_a_sigkill_left(self) -> None:
        process = self.begun()
        code, output = self.run_held("--quick")
        self.assertEqual((code, "another drill runs" in output), (3, True), output)
        # Nothing of a drill that runs is touched.
        self.assertEqual(self.drill("cleanup"), (0, ""))
        self.assertTrue(self.fault.exists())
        process.kill()
        process.wait()
        wait_for(lambda: not self.child_runs(), "the kernel ends the child")
        code, output = self.run_held("--quick")
        self.assertEqual((code, "drill cleanup" in output), (3, True), output)
        code, output = self.drill("cleanup")
        self.assertEqual(code, 0, output)
        self.assertIn("held: a file: undone", output)
        self.assertFalse(self.fault.exists())
        self.assertEqual(self.run_held("--quick")[0], 0)

    def test_cleanup_that_cannot_undo_says_5_and_tries_again(self) -> None:
        process = self.begun()
        process.kill()
        process.wait()
        # Now `rm` cannot remove it.
        self.fault.unlink()
        self.fault.mkdir()
        code, output = self.drill("cleanup")
        self.assertEqual(code, 5, output)
        self.fault.rmdir()
        self.assertEqual(self.drill("cleanup")[0], 0)

    def test_pass_miss_and_worse_than_the_baseline(self) -> None:
        self.assertEqual(self.run_held("--quick")[0], 0)
        (first,) = self.results.iterdir()
        self.assertEqual(self.run_held("--quick", LOST="3")[0], 1)
        baseline = ["--baseline", str(first)]
        self.assertEqual(self.run_held("--quick", *baseline)[0], 0)
        # A miss is told before a comparison that came out worse.
        self.assertEqual(self.run_held("--quick", *baseline, LOST="3")[0], 1)
        last = max(self.results.iterdir())
        code, output = self.drill("compare", str(first), str(last))
        self.assertEqual(code, 4, output)
        self.assertRegex(output, r"held +lost .* worse")

    def test_repeats_are_kept_apart(self) -> None:
        self.assertEqual(self.run_held("--quick", "--repeat", "2")[0], 0)
        held = self.report()["drills"]["held"]
        self.assertEqual(held["measurements"]["lost"]["values"], [0, 0])
        (folder,) = self.results.iterdir()
        for run in held["runs"]:
            self.assertTrue((folder / run["folder"] / "series.json.gz").exists())

    def test_the_results_are_whole_and_the_last_are_kept(self) -> None:
        for _ in range(3):
            self.assertEqual(self.run_held("--quick", "--keep", "2")[0], 0)
        folders = sorted(self.results.iterdir())
        self.assertEqual(len(folders), 2)
        suites = ElementTree.parse(folders[-1] / "junit.xml").getroot()
        self.assertEqual(len(suites.findall("testsuite/testcase")), 2)
        journal = (folders[-1] / "journal.jsonl").read_text().splitlines()
        names = [json.loads(line)["name"] for line in journal]
        self.assertLess(names.index("do: a file"), names.index("undo: a file"))
        self.assertTrue((folders[-1] / "report.html").exists())

    def test_a_wrong_call_is_3(self) -> None:
        for arguments in (["run", "nothing"], ["run"], ["fly"],
                          ["compare", "a", "b"]):  # fmt: skip
            with self.subTest(arguments=arguments):
                self.assertEqual(self.drill(*arguments)[0], 3)

    def test_list_and_help(self) -> None:
        code, output = self.drill("list")
        self.assertEqual(code, 0, output)
        self.assertIn("held", output)
        self.assertIn("local", output)
        code, output = self.drill("--help")
        self.assertEqual(code, 0, output)
        self.assertIn("5 > 3 > 1 > 4 > 2 > 0", output)


if __name__ == "__main__":
    unittest.main()
