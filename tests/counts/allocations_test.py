"""Allocations a delivery: malloc_count.cpp, preloaded, counts them."""

from __future__ import annotations

import os
import struct
import tempfile
import unittest
from pathlib import Path

from bounds import check
from crowd import Crowd, Producer, deliver_one_by_one
from stage import staged

WARM_UP = 20  # buffers and queues have grown by then
MESSAGES = 200
VIEWERS = 200


def allocations(backend: str, viewers: int) -> float:
    """Of the whole broker, a message."""
    with tempfile.TemporaryDirectory(prefix="status2-counts-") as folder:
        counter = Path(folder) / "allocations"
        counter.write_bytes(bytes(8))

        def counted() -> int:
            return int(struct.unpack("=Q", counter.read_bytes())[0])

        settings = {
            "STATUS_IO_BACKEND": backend,
            "STATUS_IO_THREADS": "2",
            "LD_PRELOAD": os.environ["STATUS2_MALLOC_LIBRARY"],
            "STATUS2_MALLOC_COUNT": str(counter),
        }
        with staged(settings) as stage:
            crowd = Crowd(stage.port, "run1:log", viewers)
            producer = Producer(stage.redis_port)
            deliver_one_by_one(crowd, producer, WARM_UP)
            before = counted()
            deliver_one_by_one(crowd, producer, MESSAGES)
            grown = counted() - before
            producer.close()
            crowd.close()
        return grown / MESSAGES


class Allocations(unittest.TestCase):
    def test_a_message_allocates_for_itself_and_not_for_its_viewers(self) -> None:
        for backend in ("aio", "auto"):
            with self.subTest(backend):
                few, many = (allocations(backend, n) for n in (1, VIEWERS))
                print(f"{backend}: {few} a message to 1 viewer, {many} to {VIEWERS}")
                self.assertGreater(few, 0, "the library counts nothing")
                self.assertLess(many - few, 1)
                check(self, "allocations a message", many)


if __name__ == "__main__":
    unittest.main(verbosity=2)
