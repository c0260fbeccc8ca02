"""Two reports beside the noise."""

from __future__ import annotations

import copy
import unittest

import support  # noqa: F401  (the path of the package)

from drills.compare import as_text, compare
from drills.errors import CouldNotRun
from drills.verdict import Verdict


def metric(*values: float, better: str = "lower", noise: float = 0.2,
           floor: float = 0.0) -> dict:  # fmt: skip
    ordered = sorted(values)
    return {"values": list(values), "median": ordered[len(ordered) // 2],
            "unit": "ms", "better": better, "noise": noise,
            "noise_floor": floor}  # fmt: skip


def report(cpu: str = "one", quick: bool = True, **metrics: dict) -> dict:
    machine = {"cpu": cpu, "cores": 2, "memory_gib": 4, "architecture": "x86_64"}
    return {"format": 1, "machine": machine, "quick": quick,
            "drills": {"load": {"measurements": metrics}}}  # fmt: skip


def state(before: dict, after: dict) -> str:
    (difference,) = compare(report(p95=before), report(p95=after)).differences
    return difference.state


class Noise(unittest.TestCase):
    def test_without_repeats_the_default_of_the_metric_counts(self) -> None:
        self.assertEqual(state(metric(100), metric(119)), "same")
        self.assertEqual(state(metric(100), metric(121)), "worse")
        self.assertEqual(state(metric(100), metric(79)), "better")

    def test_with_repeats_three_of_their_deviations_count(self) -> None:
        steady = metric(98, 100, 102)
        self.assertEqual(state(steady, metric(106, 107, 108)), "worse")
        self.assertEqual(state(steady, metric(103, 104, 105)), "same")
        wild = metric(80, 100, 120)
        self.assertEqual(state(wild, metric(157, 158, 159)), "same")
        # Of either side, whichever is larger.
        self.assertEqual(state(steady, metric(90, 115, 120)), "same")

    def test_repeats_that_agree_by_chance_make_no_trifle_a_difference(self) -> None:
        self.assertEqual(state(metric(100, 100), metric(104, 104)), "same")
        self.assertEqual(state(metric(100, 100), metric(106, 106)), "worse")

    def test_the_direction_is_the_metrics_own(self) -> None:
        for better, up in (("lower", "worse"), ("higher", "better"),
                           ("neither", "not judged")):  # fmt: skip
            with self.subTest(better=better):
                self.assertEqual(state(metric(100, better=better),
                                       metric(200, better=better)), up)  # fmt: skip

    def test_below_the_floor_nothing_is_a_difference(self) -> None:
        self.assertEqual(state(metric(1), metric(2.5, floor=2)), "same")
        self.assertEqual(state(metric(1), metric(3.5, floor=2)), "worse")

    def test_a_loss_where_there_was_none_is_worse(self) -> None:
        self.assertEqual(state(metric(0), metric(1)), "worse")


class Verdicts(unittest.TestCase):
    def test_worse_same_and_nothing_in_common(self) -> None:
        before = report(a=metric(100), b=metric(100))
        after = copy.deepcopy(before)
        self.assertEqual(compare(before, after).verdict, Verdict.PASS)
        after["drills"]["load"]["measurements"]["b"] = metric(200)
        self.assertEqual(compare(before, after).verdict, Verdict.WORSE)
        self.assertEqual(compare(report(), report()).verdict, Verdict.UNKNOWN)

    def test_what_is_on_one_side_only_is_noted(self) -> None:
        found = compare(report(old=metric(1)), report(new=metric(1)))
        self.assertEqual(found.notes, ["load, new: measured on one side at most",
                                       "load, old: only in the baseline"])  # fmt: skip

    def test_other_machines_are_refused_unless_forced(self) -> None:
        before, after = report(a=metric(1)), report(cpu="two", a=metric(1))
        with self.assertRaisesRegex(CouldNotRun, "cpu: one and two"):
            compare(before, after)
        forced = compare(before, after, force=True)
        self.assertEqual(forced.verdict, Verdict.PASS)
        self.assertIn("forced although cpu: one and two", as_text(forced))

    def test_a_quick_run_is_not_compared_with_a_long_one(self) -> None:
        with self.assertRaisesRegex(CouldNotRun, "--quick"):
            compare(report(a=metric(1)), report(quick=False, a=metric(1)))


if __name__ == "__main__":
    unittest.main()
