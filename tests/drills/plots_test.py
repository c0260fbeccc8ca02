"""The pictures; the one test that needs matplotlib."""

from __future__ import annotations

import unittest

import support  # noqa: F401  (the path of the package)
from report_test import Whole, outside

from drills.model import Chart
from drills.plots import svg, usual
from drills.series import SeriesStore, Window


class Pictures(unittest.TestCase):
    def series(self) -> SeriesStore:
        store = SeriesStore()
        for second in range(10):
            store.add("latency_p95_ms", 5.0 + second, 100.0 + second)
            store.add("status2_messages_forwarded_total", 300.0 * second, 100.0 + second)
            store.add("cpu_percent:broker", 20.0, 100.0 + second)
            store.add("own", second, 100.0 + second)
        return store

    def test_there_is_one_for_what_was_seen_and_none_for_the_rest(self) -> None:
        found = usual(self.series(), [Chart("Own", "things", {"own": "own"})])
        self.assertEqual([p.title for p in found],
                         ["Latency, publisher to client", "Deliveries", "CPU", "Own"])  # fmt: skip
        deliveries = found[1].lines[0].points
        self.assertEqual({round(v) for _, v in deliveries}, {300})

    def test_a_picture_stands_in_a_page_by_itself(self) -> None:
        windows = [Window("restart", 103.0, 105.0), Window("hang", 107.0)]
        (picture, *_) = usual(self.series(), [])
        text = svg(picture, windows, 100.0, 110.0, "a")
        self.assertTrue(text.startswith("<svg "))
        self.assertEqual(outside(text), [])
        parser = Whole()
        parser.feed(text)
        self.assertEqual(parser.open, [])
        for word in ("Latency, publisher to client (ms)", "p95", "fault"):
            self.assertIn(word, text)

    def test_ids_of_two_pictures_do_not_meet(self) -> None:
        (picture, *_) = usual(self.series(), [])
        first, second = (svg(picture, [], 100.0, 110.0, salt) for salt in "ab")
        ids = [set(t.split('clipPath id="')[1].split('"')[:1]) for t in (first, second)]
        self.assertFalse(ids[0] & ids[1])


if __name__ == "__main__":
    unittest.main()
