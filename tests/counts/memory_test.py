"""Memory that the broker takes for each message that a channel keeps."""

from __future__ import annotations

import re
import unittest
from pathlib import Path

from crowd import Crowd, Producer
from stage import staged

CHANNELS = 240
KEPT = 256  # messages a channel, the default
# What was allocated for the first messages, batches above all, stays.
BEFORE = 16
MOST = 64  # bytes a message beside its payload


def resident(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"^RssAnon:\s+(\d+) kB$", status, re.MULTILINE)
    assert found is not None
    return 1024 * int(found[1])


class Memory(unittest.TestCase):
    def test_a_kept_message_costs_little_more_than_its_payload(self) -> None:
        settings = {"STATUS_IO_THREADS": "1", "STATUS_TAIL_MESSAGES": str(KEPT)}
        with staged(settings) as stage:
            crowds = [Crowd(stage.port, f"run:{n}", 1) for n in range(CHANNELS)]
            producer = Producer(stage.redis_port)

            def publish(messages: int) -> int:
                for crowd in crowds:
                    producer.publish(crowd.channel, messages)
                    crowd.receive(messages)
                return resident(stage.broker.pid)

            before = publish(BEFORE)
            after = publish(KEPT - BEFORE)
            producer.close()
            for crowd in crowds:
                crowd.close()
        each = (after - before) / (CHANNELS * (KEPT - BEFORE))
        payload = len(Producer.PAYLOAD)
        print(f"bytes a kept message of {payload}: {each:.1f}")
        self.assertGreater(each, payload, "they are not kept")
        self.assertLessEqual(each, payload + MOST)


if __name__ == "__main__":
    unittest.main(verbosity=2)
