"""Instructions a delivery and a connection, counted by callgrind.

Two runs that differ in the amount of work alone: what they share, the start
above all, cancels. Only the I/O thread counts, of which there is one: the
others look at the clock as often as time allows. Valgrind does not know
io_uring, so frames go by native AIO.
"""

from __future__ import annotations

import re
import tempfile
import unittest
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bounds import check
from crowd import (
    Crowd,
    EventStream,
    Producer,
    Viewer,
    WebSocket,
    deliver_one_by_one,
)
from stage import staged

FEW_VIEWERS, MANY_VIEWERS = 20, 420
VIEWERS = 100
FEW_MESSAGES, MANY_MESSAGES = 20, 1020

IO_THREAD = "status2::transport::io_loop::run()"


@dataclass(frozen=True)
class Kind:
    """What viewers ask for, of which broker."""

    protocol: Callable[[int, str], Viewer] = WebSocket
    query: str = ""
    tail: str = "256"  # STATUS_TAIL_MESSAGES


PLAIN = Kind()
# Name, kind, and at most so much of what a plain delivery costs without a tail.
KINDS = [
    ("plain", PLAIN, 1.05),
    ("with ids", Kind(query="?tail=0"), 1.15),
    ("event stream", Kind(protocol=EventStream), 1.15),
]


def instructions(viewers: int, messages: int, kind: Kind = PLAIN) -> int:
    """Of the I/O thread's whole life."""
    with tempfile.TemporaryDirectory(prefix="status2-counts-") as folder:
        profile = Path(folder) / "callgrind.out"
        valgrind = (
            "valgrind",
            "--tool=callgrind",
            "--separate-threads=yes",
            f"--callgrind-out-file={profile}",
        )
        settings = {
            "STATUS_IO_BACKEND": "aio",
            "STATUS_IO_THREADS": "1",
            "STATUS_TAIL_MESSAGES": kind.tail,
        }
        with staged(settings, valgrind) as stage:
            crowd = Crowd(stage.port, "run1:log", viewers, kind.protocol, kind.query)
            producer = Producer(stage.redis_port)
            deliver_one_by_one(crowd, producer, messages)
            producer.close()
            crowd.close()
            stage.broker.stop()
        threads = (path.read_text() for path in Path(folder).glob("callgrind.out-*"))
        # The thread for pages is another one, with next to nothing to do.
        return max(total_of(text) for text in threads if IO_THREAD in text)


def a_delivery(viewers: int, kind: Kind) -> float:
    few, many = (instructions(viewers, n, kind) for n in (FEW_MESSAGES, MANY_MESSAGES))
    return (many - few) / (viewers * (MANY_MESSAGES - FEW_MESSAGES))


def total_of(profile: str) -> int:
    totals = re.search(r"^totals: (\d+)$", profile, re.MULTILINE)
    assert totals is not None, "callgrind tells no total"
    return int(totals[1])


class Instructions(unittest.TestCase):
    def test_a_delivery_keeps_its_bound(self) -> None:
        check(self, "instructions a delivery", a_delivery(VIEWERS, PLAIN))

    def test_a_memory_ids_and_event_streams_cost_little(self) -> None:
        for viewers in (VIEWERS, 1):
            floor = a_delivery(viewers, Kind(tail="0"))
            for name, kind, most in KINDS:
                ratio = a_delivery(viewers, kind) / floor
                print(f"{name}, {viewers} viewers: {ratio:.3f} (bound {most})")
                with self.subTest(name=name, viewers=viewers):
                    self.assertLessEqual(ratio, most)

    def test_a_connection_keeps_its_bound(self) -> None:
        few, many = (instructions(n, 1) for n in (FEW_VIEWERS, MANY_VIEWERS))
        check(
            self,
            "instructions a connection",
            (many - few) / (MANY_VIEWERS - FEW_VIEWERS),
        )


if __name__ == "__main__":
    unittest.main(verbosity=2)
