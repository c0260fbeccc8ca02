"""The drills that there are, and what they take from status2_crowd."""

from __future__ import annotations

import json
import types
import unittest
from pathlib import Path

from support import FolderTest

from drills import crowd, discovery
from drills.model import Measurement
from drills.scenarios import observe
from drills.series import SeriesStore


class Scenarios(unittest.TestCase):
    def test_the_quick_form_changes_what_the_long_one_has(self) -> None:
        for drill in discovery.all_drills().values():
            self.assertLessEqual(set(drill.quick), set(drill.long), drill.name)
            self.assertTrue(drill.hypothesis, drill.name)

    def test_the_documents_are_read(self) -> None:
        metrics = observe.documented_metrics()
        self.assertIn("status2_connections_active", metrics)
        self.assertIn("redis stream interrupted", observe.documented_messages())
        self.assertEqual(observe.missing_metrics(""), metrics)
        page = "".join(f"# TYPE {name} counter\n" for name in metrics)
        self.assertEqual(observe.missing_metrics(page), set())


class CrowdLines(FolderTest):
    def crowd(self, text: str) -> crowd.Crowd:
        """One whose program has said `text`."""
        log = self.folder / "crowd.log"
        log.write_text(text)
        made = crowd.Crowd.__new__(crowd.Crowd)
        made.child = types.SimpleNamespace(log=Path(log))  # type: ignore[assignment]
        made._read = 0
        return made

    def test_each_line_is_a_point_of_the_series(self) -> None:
        late = {"count": 3, "p50": 1.0, "p95": 2.0, "p99": 3.0, "max": 4.0}
        line = {"t": 7.0, "live": 9, "opened": 10, "received": 11, "latency_ms": late}
        text = json.dumps(line, separators=(",", ":")) + "\n"
        one, store = self.crowd(text + '{"t":8.0,"li'), SeriesStore()
        one.sample(store)
        one.sample(store)  # nothing new has come
        self.assertEqual(store.get("clients_open"), [(7.0, 9)])
        self.assertEqual(store.get("clients_received_total"), [(7.0, 11)])
        self.assertEqual(store.get("latency_p95_ms"), [(7.0, 2.0)])

    def test_a_second_without_messages_has_no_latency(self) -> None:
        late = {"count": 0, "p50": 0, "p95": 0, "p99": 0, "max": 0}
        line = {"t": 7.0, "live": 9, "opened": 9, "received": 0, "latency_ms": late}
        one = self.crowd(json.dumps(line, separators=(",", ":")) + "\n")
        store = SeriesStore()
        one.sample(store)
        self.assertEqual(store.get("latency_p95_ms"), [])
        self.assertEqual(store.get("clients_open"), [(7.0, 9)])

    def test_the_verdict_becomes_measurements(self) -> None:
        noted: dict[str, Measurement] = {}

        class Notes:
            def measured(self, name, value, unit, samples=1, *more, **named) -> None:
                noted[name] = Measurement(name, value, unit, samples)

        crowd.note(Notes(), {  # type: ignore[arg-type]
            "viewers": 10, "live_at_end": 9, "received": 100, "lost_untold": 1,
            "lost_told": 2, "duplicated": 0, "reordered": 0, "refused": 0,
            "closes": {"1011": 2, "1008": 1}, "cpu_percent": 3.0,
            "latency_ms": {"count": 0, "p50": 0, "p95": 0, "p99": 0, "max": 0},
        })  # fmt: skip
        self.assertEqual(noted["closed"].value, 3)
        self.assertEqual(noted["away_at_end"].value, 1)
        self.assertEqual(noted["lost_untold"].value, 1)
        self.assertIsNone(noted["latency_p95"].value)


if __name__ == "__main__":
    unittest.main()
