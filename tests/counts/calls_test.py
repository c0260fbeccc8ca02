"""System calls and wakes a delivery, by the broker's own counters."""

from __future__ import annotations

import unittest
from collections.abc import Callable
from dataclasses import dataclass

from crowd import Crowd, Producer, deliver_burst, deliver_one_by_one
from stage import staged

MESSAGES = 100
BURST = 64
VIEWERS = 200
FEW_VIEWERS = 20

Deliver = Callable[[Crowd, Producer, int], int]


@dataclass(frozen=True)
class Growth:
    """What the counters grew by, beside the deliveries that clients saw."""

    call: str
    deliveries: int
    forwarded: float
    sends: float
    calls: float
    wakes: float


def growth(backend: str, viewers: int, deliver: Deliver, messages: int) -> Growth:
    settings = {"STATUS_IO_BACKEND": backend, "STATUS_IO_THREADS": "2"}
    with staged(settings) as stage:
        crowd = Crowd(stage.port, "run1:log", viewers)
        producer = Producer(stage.redis_port)
        before = stage.metrics()
        deliveries = deliver(crowd, producer, messages)
        after = stage.metrics()
        producer.close()
        crowd.close()

        def grown(name: str) -> float:
            return after[f"status2_{name}"] - before[f"status2_{name}"]

        return Growth(
            stage.send_call(),
            deliveries,
            grown("messages_forwarded_total"),
            grown("sends_total"),
            grown("send_calls_total"),
            grown("wakes_total"),
        )


class Calls(unittest.TestCase):
    """Each figure is exact, but for how a burst arrives at the broker."""

    def check_one_by_one(self, seen: Growth) -> None:
        print(seen)
        self.assertEqual(seen.forwarded, seen.deliveries)
        self.assertEqual(seen.sends, seen.deliveries)
        self.assertEqual(seen.wakes, 0)

    def test_a_fan_out_is_one_system_call_or_two(self) -> None:
        """The second asks native AIO for the results. Where kernel or container
        allows neither, a delivery is a call."""
        for backend in ("aio", "auto"):
            with self.subTest(backend):
                seen = growth(backend, VIEWERS, deliver_one_by_one, MESSAGES)
                self.check_one_by_one(seen)
                expected = {
                    "io_uring_enter": MESSAGES,
                    "io_submit": 2 * MESSAGES,
                    "sendto": seen.deliveries,
                }
                self.assertEqual(seen.calls, expected[seen.call])

    def test_few_viewers_wake_no_other_thread(self) -> None:
        self.check_one_by_one(
            growth("aio", FEW_VIEWERS, deliver_one_by_one, MESSAGES)
        )

    def test_what_comes_together_leaves_together(self) -> None:
        """Redis may hand a burst over in a few pieces; one is usual, and each
        piece is a send a viewer."""
        for backend in ("aio", "auto"):
            with self.subTest(backend):
                seen = growth(backend, VIEWERS, deliver_burst, BURST)
                print(seen)
                self.assertEqual(seen.forwarded, seen.deliveries)
                self.assertLessEqual(seen.sends, VIEWERS * BURST / 8)
                self.assertLessEqual(seen.calls, seen.sends)


if __name__ == "__main__":
    unittest.main(verbosity=2)
