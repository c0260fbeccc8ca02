"""The order of a run, and that faults are undone on every way out of it."""

from __future__ import annotations

import os
import signal
import time
import unittest

from support import FolderTest, Recorder, drill, run, verdict_of
from support import Level, Probe, Step, runs, within

from drills.errors import CouldNotRun
from drills.model import When
from drills.verdict import Verdict


class Order(FolderTest):
    def test_faults_are_undone_in_reverse_order_before_measuring(self) -> None:
        seen = Recorder()
        steps = [seen.fault("a"), Step("wait", seen.act("wait")), seen.fault("b")]
        result = run(drill(steps, prepare=seen.act("prepare"),
                           measure=seen.act("measure")), self.folder)  # fmt: skip
        self.assertEqual(result.failure, "")
        self.assertEqual(seen.calls, ["prepare", "do a", "wait", "do b", "undo b",
                                      "undo a", "measure"])  # fmt: skip

    def test_a_fault_that_lasts_is_undone_before_the_next_step(self) -> None:
        seen = Recorder()
        run(drill([seen.fault("a", lasts=0.01), seen.fault("b")]), self.folder)
        self.assertEqual(seen.calls, ["do a", "undo a", "do b", "undo b"])

    def test_the_window_of_a_fault_is_from_its_start_to_its_proven_end(self) -> None:
        seen = Recorder()
        result = run(drill([seen.fault("a", lasts=0.05)]), self.folder)
        (window,) = result.windows
        assert window.end is not None
        self.assertGreaterEqual(window.end - window.begin, 0.05)

    def test_an_undo_must_be_checked_and_written_down(self) -> None:
        with self.assertRaises(ValueError):
            Step("a", lambda _: None, lambda _: None)
        with self.assertRaises(ValueError):
            Step("a", lambda _: None, lasts=1)


class Rollback(FolderTest):
    def entries(self) -> list[str]:
        return [f.name for f in (self.folder / "state").glob("*.json")]

    def test_after_an_exception_everything_is_undone(self) -> None:
        seen = Recorder()
        steps = [seen.fault("a"), seen.fault("b", ValueError("broke"))]
        result = verdict_of(drill(steps), self.folder)
        # b is undone as well: nobody knows how far it came.
        self.assertEqual(seen.calls, ["do a", "do b", "undo b", "undo a"])
        self.assertEqual(result.verdict, Verdict.COULD_NOT_RUN)
        self.assertEqual(result.reasons, ["ValueError: broke"])
        self.assertEqual(self.entries(), [])

    def test_what_outlives_processes_goes_with_the_run(self) -> None:
        thing = self.folder / "thing"

        def prepare(context) -> None:
            context.keep_undone("a thing", ["rm", str(thing)],
                                ["test", "!", "-e", str(thing)])  # fmt: skip
            self.assertIn("a thing", "".join(
                f.read_text() for f in (self.folder / "state").glob("*.json")
            ))  # fmt: skip
            thing.touch()
            raise ValueError("broke")

        result = verdict_of(drill([], prepare=prepare), self.folder)
        self.assertEqual(result.verdict, Verdict.COULD_NOT_RUN)
        self.assertFalse(thing.exists())
        self.assertEqual(self.entries(), [])

    def test_what_does_not_go_is_exit_code_5_and_stays_on_disk(self) -> None:
        def prepare(context) -> None:
            context.keep_undone("a thing", ["true"], ["false"])

        result = verdict_of(drill([], prepare=prepare), self.folder)
        self.assertEqual(result.verdict, Verdict.ROLLBACK_INCOMPLETE)
        self.assertEqual(len(self.entries()), 1)

    def test_the_entry_is_on_disk_before_the_fault(self) -> None:
        found: list[str] = []
        step = Recorder().fault("a")
        look = Step("a", lambda _: found.extend(self.entries()), step.undo,
                    lambda _: True, ("undo", "a"))  # fmt: skip
        run(drill([look]), self.folder)
        self.assertEqual(len(found), 2)  # of the run, and of the fault
        self.assertEqual(self.entries(), [])

    def test_what_is_not_undone_is_exit_code_5_and_stays_on_disk(self) -> None:
        seen = Recorder()
        stuck = seen.fault("a", undone=lambda _: False)
        import drills.faults

        before, drills.faults.UNDONE_SECONDS = drills.faults.UNDONE_SECONDS, 0.1
        self.addCleanup(setattr, drills.faults, "UNDONE_SECONDS", before)
        result = verdict_of(drill([seen.fault("b"), stuck]), self.folder)
        self.assertEqual(result.verdict, Verdict.ROLLBACK_INCOMPLETE)
        self.assertIn("a: undone: not within 0.1 s", result.reasons[0])
        self.assertIn("undo b", seen.calls)
        self.assertEqual(len(self.entries()), 1)

    def test_an_undo_that_fails_is_fine_if_the_fault_is_gone(self) -> None:
        seen = Recorder()
        step = Step("a", seen.act("do"), seen.act("undo", OSError("gone")),
                    lambda _: True, ("true",))  # fmt: skip
        self.assertEqual(verdict_of(drill([step]), self.folder).verdict, Verdict.PASS)

    def test_a_step_that_hangs_is_ended_and_undone(self) -> None:
        seen = Recorder()
        step = Step("a", lambda _: time.sleep(60), seen.act("undo"),
                    lambda _: True, ("true",), seconds=0.1)  # fmt: skip
        result = run(drill([step]), self.folder)
        self.assertEqual(result.failure, "do of 'a' took longer than 0.1 s")
        self.assertEqual(seen.calls, ["undo"])

    def test_a_signal_is_not_lost_and_not_obeyed_while_undoing(self) -> None:
        seen = Recorder()

        def undo(_context: object) -> None:
            os.kill(os.getpid(), signal.SIGTERM)
            seen.calls.append("undone whole")

        step = Step("a", seen.act("do"), undo, lambda _: True, ("true",))
        result = run(drill([step], measure=seen.act("measure")), self.folder)
        self.assertEqual(seen.calls, ["do", "undone whole"])
        self.assertTrue(result.interrupted)

    def test_what_the_drill_started_has_ended(self) -> None:
        pids: list[int] = []

        def prepare(context) -> None:
            pids.append(context.start("sleep", ["sleep", "300"]).pid)
            # One that the runner does not know of.
            done = context.run("fork", ["sh", "-c", "setsid sleep 300 >/dev/null "
                                        "2>&1 & echo $!"])  # fmt: skip
            pids.append(int(done.output))
            raise CouldNotRun("no")

        result = run(drill(prepare=prepare), self.folder)
        self.assertEqual((result.failure, result.not_undone), ("no", []))
        for pid in pids:
            with self.subTest(pid=pid):
                self.assertFalse(runs(pid))


class Hypothesis(FolderTest):
    def test_a_drill_does_not_start_when_it_fails_before(self) -> None:
        seen = Recorder()
        probe = Probe("latency", lambda _: 80, within("<= 50 ms"))
        result = verdict_of(drill([seen.fault("a")], [probe]), self.folder)
        self.assertEqual(seen.calls, [])
        self.assertEqual(result.verdict, Verdict.COULD_NOT_RUN)
        self.assertEqual(
            result.reasons,
            ["the hypothesis fails before: latency is 80, not <= 50 ms"],
        )

    def test_a_probe_that_raises_has_failed(self) -> None:
        def broken(_context: object) -> float:
            raise OSError("refused")

        probe = Probe("ready", broken, within("== 1"))
        result = verdict_of(drill(probes=[probe]), self.folder)
        self.assertEqual(result.verdict, Verdict.COULD_NOT_RUN)
        self.assertIn("refused", result.reasons[0])

    def test_a_probe_that_fails_during_a_fault_is_a_miss(self) -> None:
        seen = Recorder()
        probe = Probe("open", lambda _: 2 if "do a" in seen.calls else 3,
                      within("== 3"), When.BEFORE | When.DURING)  # fmt: skip
        result = verdict_of(drill([seen.fault("a")], [probe]), self.folder)
        self.assertEqual(result.verdict, Verdict.MISSED)
        self.assertEqual(result.reasons, ["open, during: 2, not == 3"])

    def test_a_probe_may_take_its_time_to_recover(self) -> None:
        seen = Recorder()
        probe = Probe("ready", lambda _: len(seen.calls) >= 5, within("== 1"),
                      When.AFTER)  # fmt: skip
        counting = Probe("n", lambda _: seen.calls.append("x") or 1.0,
                         within("== 1"), When.AFTER)  # fmt: skip
        result = run(drill(probes=[counting] * 5 + [probe]), self.folder)
        self.assertTrue(all(p.held for p in result.probes))

    def test_one_that_does_not_recover_is_a_miss(self) -> None:
        probe = Probe("ready", lambda _: 0, within("== 1"), When.AFTER, seconds=0.2)
        result = verdict_of(drill(probes=[probe]), self.folder)
        self.assertEqual(result.verdict, Verdict.MISSED)
        self.assertGreater(result.runs[0].probes[0].asked, 1)


class Levels(FolderTest):
    def judged(self, value: float | None, samples: int, bottleneck: bool = False):
        def measure(context) -> None:
            context.measured("p95", value, "ms", samples)
            if bottleneck:
                context.bottleneck("it was busy")

        level = Level("latency", "p95", within("<= 50 ms"), minimum=100)
        return verdict_of(drill(levels=[level], measure=measure), self.folder)

    def test_held_and_missed(self) -> None:
        self.assertEqual(self.judged(49, 100).verdict, Verdict.PASS)
        missed = self.judged(51, 100)
        self.assertEqual(missed.verdict, Verdict.MISSED)
        self.assertEqual(missed.reasons, ["latency: 51, not <= 50 ms"])

    def test_too_few_samples_are_unknown(self) -> None:
        self.assertEqual(self.judged(1, 99).verdict, Verdict.UNKNOWN)
        self.assertEqual(self.judged(None, 100).verdict, Verdict.UNKNOWN)
        self.assertEqual(self.judged(float("nan"), 100).verdict, Verdict.UNKNOWN)

    def test_what_was_never_measured_is_unknown(self) -> None:
        level = Level("latency", "p95", within("<= 50 ms"))
        result = verdict_of(drill(levels=[level]), self.folder)
        self.assertEqual(result.verdict, Verdict.UNKNOWN)

    def test_a_busy_generator_makes_a_pass_and_a_miss_unknown(self) -> None:
        for value in (1, 99):
            result = self.judged(value, 100, bottleneck=True)
            self.assertEqual(result.verdict, Verdict.UNKNOWN)

    def test_only_what_the_generator_spoilt_is_unknown(self) -> None:
        def measure(context) -> None:
            context.measured("k6_p95", 99, "ms", 1)
            context.measured("lost", 3, "", 1)
            context.bottleneck("k6 was busy", "k6_")

        levels = [Level("latency", "k6_p95", within("<= 50 ms")),
                  Level("lost", "lost", within("== 0"))]  # fmt: skip
        result = verdict_of(drill(levels=levels, measure=measure), self.folder)
        self.assertEqual([x.state for x in result.levels], ["unknown", "missed"])
        self.assertEqual(result.verdict, Verdict.MISSED)

    def test_a_drill_without_levels_has_shown_nothing(self) -> None:
        result = verdict_of(drill(levels=[]), self.folder)
        self.assertEqual(result.verdict, Verdict.UNKNOWN)


if __name__ == "__main__":
    unittest.main()
