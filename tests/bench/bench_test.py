"""The benchmark's judgement, tables and picture, on made-up runs."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path
from typing import Any

from plots import draw
from ratios import Spread, over_yardstick
from record import Record, Run, load, save
from report import markdown
from run import MET, MISSED, UNKNOWN, verdict
from targets import EPOLL, TARGETS, Verdict, judge, outcomes
from works import NAMED, WORKS, Work, growth_works

MACHINE: dict[str, Any] = {
    "cpu": "a processor",
    "cores": 2,
    "kernel": "6.1",
    "debian": "12.1",
    "congestion_control": "cubic",
    "own_network": True,
    "packages": {"nginx": "1.22"},
    "commit": "abc",
    "load_average_before": 0.1,
    "load_average_after": 1.5,
    "left_out": {"nchan": "it is not there"},
}


def run(
    server: str,
    cpu: float,
    number: int = 0,
    work: Work = WORKS["300"],
    p99: float = 5000,
    bottleneck: str | None = None,
    lost: int = 0,
) -> Run:
    result = {
        "deliveries_per_second": 30000.0,
        "latency_us": {"p50": 1000.0, "p95": 2000.0, "p99": p99},
        "lost": lost,
        "duplicated": 0,
        "reordered": 0,
        "closed": 0,
        "unexpected": 0,
        "server": {
            "cpu_us_per_delivery": cpu,
            "cpu_percent": 20.0,
            "cpu_us_per_connection": 40.0,
            "kib_per_connection": 4.0,
        },
        "generator": {"bottleneck": bottleneck},
    }
    return Run(number, server, work, result)


def record(*runs: Run, kind: str = "bench") -> Record:
    return Record(kind, "20260101T000000Z", MACHINE, list(runs))


class Judgement(unittest.TestCase):
    def test_a_median_at_the_bound_meets_it(self) -> None:
        self.assertIs(judge([0.9, 1.0, 1.3], 1.0, False), Verdict.MET)
        self.assertIs(judge([2.0, 2.5, 2.6], 2.5, True), Verdict.MET)

    def test_what_is_missed_by_half_the_range_at_most_is_within_the_spread(self) -> None:
        self.assertIs(judge([1.0, 1.25, 1.5], 1.0, False), Verdict.WITHIN)
        self.assertIs(judge([2.0, 2.25, 2.5], 2.5, True), Verdict.WITHIN)

    def test_what_is_missed_by_more_is_missed(self) -> None:
        self.assertIs(judge([1.25, 1.375, 1.5], 1.0, False), Verdict.MISSED)
        self.assertIs(judge([2.0, 2.125, 2.25], 2.5, True), Verdict.MISSED)

    def test_one_round_has_no_spread(self) -> None:
        self.assertIs(judge([1.01], 1.0, False), Verdict.MISSED)

    def test_no_valid_round_is_no_verdict(self) -> None:
        self.assertIs(judge([], 1.0, False), Verdict.UNKNOWN)


class Targets(unittest.TestCase):
    def test_each_is_of_a_work_that_exists(self) -> None:
        self.assertLessEqual({target.work for target in TARGETS}, set(WORKS))
        named = {name for names in NAMED.values() for name in names}
        self.assertEqual(named, set(WORKS))

    def test_a_ratio_is_taken_within_a_round(self) -> None:
        ran = record(
            run("floor", 10, 0), run(EPOLL, 9, 0), run("floor", 20, 1), run(EPOLL, 22, 1)
        )
        self.assertEqual(over_yardstick(ran, "300", EPOLL), [0.9, 1.1])

    def test_void_runs_are_no_part_of_a_ratio(self) -> None:
        ran = record(
            run("floor", 10), run(EPOLL, 90, bottleneck="cpu"), run(EPOLL, 9)
        )
        self.assertEqual(over_yardstick(ran, "300", EPOLL), [0.9])

    def test_only_what_was_run_is_judged(self) -> None:
        found = outcomes(record(run("floor", 10), run(EPOLL, 9)))
        self.assertEqual({outcome.target.work for outcome in found}, {"300"})
        self.assertEqual({outcome.server for outcome in found}, {EPOLL})

    def test_fairness_compares_a_server_with_itself(self) -> None:
        alone, beside = (WORKS[f"fairness-{name}"] for name in ("alone", "beside"))
        ran = record(
            run(EPOLL, 1, work=alone, p99=100), run(EPOLL, 1, work=beside, p99=300)
        )
        (found,) = outcomes(ran)
        self.assertEqual(found.seen, Spread((3.0,)))
        self.assertIs(found.verdict, Verdict.MISSED)

    def test_memory_is_judged_by_itself(self) -> None:
        found = outcomes(record(run(EPOLL, 0, work=WORKS["idle"])))
        memory = next(o for o in found if o.target.unit == "KiB")
        self.assertEqual((memory.seen, memory.verdict), (Spread((4.0,)), Verdict.MET))


class ExitCode(unittest.TestCase):
    def test_all_targets_met_is_0(self) -> None:
        self.assertEqual(verdict(record(run("floor", 10), run(EPOLL, 9))), MET)

    def test_a_missed_target_is_1(self) -> None:
        self.assertEqual(verdict(record(run("floor", 10), run(EPOLL, 11))), MISSED)

    def test_a_lost_delivery_is_1_even_in_a_void_run(self) -> None:
        ran = record(
            run("floor", 10), run(EPOLL, 9, bottleneck="cpu", lost=1), run(EPOLL, 9)
        )
        self.assertEqual(verdict(ran), MISSED)

    def test_a_target_without_a_valid_round_is_3(self) -> None:
        ran = record(run("floor", 10, bottleneck="cpu"), run(EPOLL, 9))
        self.assertEqual(verdict(ran), UNKNOWN)


class Saved(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def test_a_record_comes_back_as_it_was(self) -> None:
        ran = record(run("floor", 10), run(EPOLL, 9))
        save(ran, self.folder / "a.json")
        self.assertEqual(load(self.folder / "a.json"), ran)

    def test_another_file_is_refused(self) -> None:
        (self.folder / "a.json").write_text('{"time": "now"}')
        with self.assertRaises(ValueError):
            load(self.folder / "a.json")

    def test_the_page_tells_figures_verdict_and_what_is_missing(self) -> None:
        text = markdown(record(run("floor", 10), run(EPOLL, 11)))
        for part in (
            "| 300 subscribers, 100 msg/s | CPU a delivery | status2/epoll | ≤ 1 × floor"
            " | 1.10 ± 0.00 × floor | 1 | **missed** |",
            "| 11.00 (11.00–11.00) | 1.10 (1.10–1.10) |",
            "Left out: nchan, because it is not there.",
            "Nothing was lost",
        ):
            self.assertIn(part, text)

    def test_growth_has_a_row_a_number(self) -> None:
        works = growth_works()
        ran = [run(s, 10, work=work) for work in works for s in ("floor", EPOLL)]
        text = markdown(record(*ran, kind="growth"))
        self.assertIn("| 19,000 subscribers of one channel | 10.00", text)
        self.assertIn("| 10,000 channels × 1 subscriber | 10.00", text)

    def test_pictures_name_the_works_and_the_servers(self) -> None:
        bench = record(run("floor", 10), run(EPOLL, 9))
        works = growth_works()
        growth = record(*(run(EPOLL, 10, work=w) for w in works), kind="growth")
        for ran, words in (
            (bench, ("300 subscribers", EPOLL, "target")),
            (growth, ("19,000", "channels with one subscriber each")),
        ):
            path = self.folder / f"{ran.kind}.svg"
            draw(ran, path)
            text = path.read_text()
            for word in words:
                self.assertIn(word, text)


    def test_without_a_work_to_compare_there_is_no_picture(self) -> None:
        path = self.folder / "a.svg"
        self.assertFalse(draw(record(run(EPOLL, 9, work=WORKS["idle"])), path))
        self.assertFalse(path.exists())


class Growth(unittest.TestCase):
    def test_only_the_number_varies(self) -> None:
        each = {w.rate * w.viewers / w.channels for w in growth_works()}
        self.assertEqual({round(deliveries) for deliveries in each}, {20000})


if __name__ == "__main__":
    unittest.main()
