"""The small parts: bounds, verdicts, series, Prometheus's text, the archive,
WebSocket frames, processes."""

from __future__ import annotations

import json
import math
import os
import time
import unittest

from support import FolderTest, within

from drills import archive, clock, prometheus
from drills.errors import TimedOut
from drills.k6 import Result
from drills.samplers import Usage
from drills.series import SeriesStore, growth, percentile
from drills.verdict import Verdict, worst
from drills.websocket import TEXT, FrameReader, encode
from drills.witness import Witness, Witnesses


class Bounds(unittest.TestCase):
    def test_a_bound_is_read_and_shown(self) -> None:
        self.assertEqual(str(within("<=50 ms")), "<= 50 ms")
        self.assertEqual(str(within(" == 0")), "== 0")
        for text, good, bad in (("<= 50", 50, 50.1), (">= 2", 2, 1), ("< 1", 0, 1),
                                ("> 1", 2, 1), ("== 0", 0, 1)):  # fmt: skip
            with self.subTest(text=text):
                self.assertTrue(within(text).holds(good))
                self.assertFalse(within(text).holds(bad))
                self.assertFalse(within(text).holds(math.nan))

    def test_what_is_no_bound_is_refused(self) -> None:
        for text in ("50 ms", "", "<= fast", "!= 3"):
            with self.subTest(text=text), self.assertRaises(ValueError):
                within(text)


class Severity(unittest.TestCase):
    def test_the_most_severe_of_several_counts(self) -> None:
        order = [Verdict(n) for n in (5, 3, 1, 4, 2, 0)]
        for index, verdict in enumerate(order):
            self.assertEqual(worst(reversed(order[index:])), verdict)
        self.assertEqual(worst([]), Verdict.PASS)


class Numbers(unittest.TestCase):
    def test_percentiles_are_of_what_was_measured(self) -> None:
        values = [float(n) for n in range(1, 101)]
        self.assertEqual([percentile(values, s) for s in (50, 95, 100)], [50, 95, 100])
        self.assertTrue(math.isnan(percentile([], 50)))

    def test_a_counter_that_falls_was_restarted(self) -> None:
        points = [(0.0, 10.0), (1.0, 30.0), (2.0, 5.0), (4.0, 9.0)]
        self.assertEqual(growth(points), [(1.0, 20.0), (2.0, 5.0), (4.0, 2.0)])


class Prometheus(unittest.TestCase):
    TEXT = (
        "# HELP a What it is.\n# TYPE a counter\n"
        'a{reason="idle"} 1\na{reason="a \\"b\\\\c\\n, d=",x="y"} 2.5e1 1700000000\n'
        'b 3\n\nc_bucket{le="+Inf"} 7\nc_sum 4\nd NaN\ne +Inf\n'
    )

    def test_samples_with_labels(self) -> None:
        samples = list(prometheus.parse(self.TEXT))
        self.assertEqual(samples[1].labels, (("reason", 'a "b\\c\n, d='), ("x", "y")))
        self.assertEqual(samples[0].key, 'a{reason="idle"}')
        self.assertEqual(samples[2].key, "b")
        self.assertTrue(math.isinf(samples[-1].value))

    def test_totals_are_over_labels_and_leave_buckets_out(self) -> None:
        totals = prometheus.totals(self.TEXT)
        self.assertEqual((totals["a"], totals["b"]), (26.0, 3.0))
        self.assertNotIn("c_bucket", totals)

    def test_what_is_no_sample_is_an_error(self) -> None:
        for text in ("<html>", "a{b} 1", "a one"):
            with self.subTest(text=text), self.assertRaises(ValueError):
                prometheus.totals(text)


class Archive(FolderTest):
    def test_the_last_are_kept_and_nothing_else_is_touched(self) -> None:
        made = [archive.new_folder(self.folder, "abc1234", 1e9 + n) for n in range(4)]
        self.assertEqual(made[0].name, "20010909T014640Z-abc1234")
        other = self.folder / "bench"
        other.mkdir()
        removed = archive.keep_last(self.folder, 2, spared=[made[0]])
        self.assertEqual(removed, [made[1]])
        self.assertEqual(sorted(self.folder.iterdir()),
                         sorted([made[0], *made[2:], other]))  # fmt: skip

    def test_two_in_one_second_do_not_meet(self) -> None:
        first, second = (archive.new_folder(self.folder, "abc", 1e9) for _ in "12")
        self.assertNotEqual(first, second)
        self.assertEqual(archive.archived(self.folder), [first, second])


class Frames(unittest.TestCase):
    def test_frames_come_whole_however_they_are_cut(self) -> None:
        texts = [b"", b"x" * 125, b"y" * 126, b"z" * 70000]
        # What a server sends is not masked.
        wire = b"".join(unmasked(TEXT, text) for text in texts)
        for size in (1, 7, len(wire)):
            reader, found = FrameReader(), []
            for at in range(0, len(wire), size):
                found += reader.feed(wire[at : at + size])
            self.assertEqual(found, [(TEXT, text) for text in texts])


def unmasked(opcode: int, payload: bytes) -> bytes:
    masked = bytearray(encode(opcode, payload))
    masked[1] &= 0x7F
    start = len(masked) - len(payload)
    del masked[start - 4 : start]
    return bytes(masked)


class Watching(unittest.TestCase):
    """What a witness makes of the frames it is given."""

    def setUp(self) -> None:
        self.witnesses = Witnesses("", 0, "", 0, SeriesStore())
        self.addCleanup(self.witnesses.stop)
        self.witness = Witness(NoSocket())  # type: ignore[arg-type]

    def see(self, *frames: dict) -> None:
        for frame in frames:
            data = unmasked(TEXT, json.dumps(frame).encode())
            self.witnesses._take(self.witness, data)

    def test_twice_and_out_of_order_are_told_apart(self) -> None:
        self.see(*(status(n) for n in (0, 1, 3, 2, 3)))
        seen = self.witness
        self.assertEqual((seen.duplicated, seen.reordered, seen.last), (1, 1, 3))

    def test_gaps_pings_and_foreign_texts(self) -> None:
        self.see({"type": "ping"},
                 {"type": "gap", "since": "2026-11-23T10:00:00.120Z",
                  "until": "2026-11-23T10:00:03.407Z", "cause": "redis"},
                 {"type": "status", "data": "ready"})  # fmt: skip
        (gap,) = self.witness.gaps
        self.assertAlmostEqual(gap.until - gap.since, 3.287, 3)
        self.assertEqual((self.witness.live, self.witness.foreign), (True, 1))


class NoSocket:
    def sendall(self, data: bytes) -> None:
        pass


def status(number: int) -> dict:
    text = json.dumps({"seq": number, "t": time.time() * 1000, "pad": ""})
    return {"type": "status", "data": text}


class K6Summary(unittest.TestCase):
    def test_a_trend_without_samples_is_no_latency_of_zero(self) -> None:
        empty, some = {"count": 0, "p(95)": 0}, {"count": 2, "p(95)": 7.5}
        result = Result(0, {"empty": empty, "some": some})
        self.assertEqual(result.trend("some", "p(95)"), 7.5)
        for name in ("empty", "absent"):
            self.assertTrue(math.isnan(result.trend(name, "p(95)")))
        self.assertEqual(result.count("absent"), 0)


class Time(unittest.TestCase):
    def test_deadlines_nest(self) -> None:
        with self.assertRaisesRegex(TimedOut, "inner took"):
            with clock.deadline(60, "outer"), clock.deadline(0.05, "inner"):
                time.sleep(10)
        with self.assertRaisesRegex(TimedOut, "outer took"):
            with clock.deadline(0.1, "outer"):
                with clock.deadline(0.01, "first"):
                    pass
                time.sleep(10)

    def test_stamps_read_back(self) -> None:
        self.assertEqual(clock.unix_time(clock.rfc3339(1e9 + 0.25)), 1e9 + 0.25)


class Sampling(unittest.TestCase):
    def test_cpu_and_memory_of_a_process(self) -> None:
        store, usage = SeriesStore(), Usage("me", lambda: [os.getpid()])
        usage.sample(store)
        end = time.process_time() + 0.2
        while time.process_time() < end:
            pass
        usage.sample(store)
        self.assertGreater(store.last("cpu_percent:me"), 5)
        self.assertGreater(store.last("rss_bytes:me"), 1 << 20)


if __name__ == "__main__":
    unittest.main()
