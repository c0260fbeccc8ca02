"""A Redis and a broker of a test's own, and what the broker says about itself."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "bench"))

from processes import Child, free_port  # noqa: E402
from servers import clean_environment  # noqa: E402

BINARY = os.environ["STATUS2_BINARY"]
SETTLED_DEADLINE = 20.0

DUE = "status2_deliveries_due_total"
FORWARDED = "status2_messages_forwarded_total"
FAILED = "status2_allocations_failed_total"
COUNTERS = (
    DUE,
    FORWARDED,
    FAILED,
    "status2_sends_total",
    "status2_send_calls_total",
    "status2_wakes_total",
)

# Nothing that happens by the clock: no heartbeat, no canary.
QUIET = {
    "STATUS_METRICS_ENABLED": "true",
    "STATUS_PING_INTERVAL": "1h",
    "STATUS_PONG_TIMEOUT": "2h",
    "STATUS_CANARY_INTERVAL": "0s",
    "STATUS_ACCEPT_RATE": "0",
}


@dataclass(frozen=True)
class Stage:
    """A broker and its Redis, on loopback ports."""

    broker: Child
    port: int
    redis_port: int

    def metrics(self) -> dict[str, float]:
        """Counters without labels, once all that was due has been sent."""
        deadline = time.monotonic() + SETTLED_DEADLINE
        before: dict[str, float] = {}
        while True:
            now = self._metrics_now()
            if now == before and now[DUE] == now[FORWARDED]:
                return now
            if time.monotonic() > deadline:
                raise TimeoutError(f"the broker's counters do not settle: {now}")
            before = now

    def _metrics_now(self) -> dict[str, float]:
        url = f"http://127.0.0.1:{self.port}/metrics"
        with urlopen(url, timeout=SETTLED_DEADLINE) as answer:
            lines = answer.read().decode().splitlines()
        pairs = (line.split(" ") for line in lines if line[0] != "#")
        return {name: float(value) for name, value in pairs if name in COUNTERS}

    def send_call(self) -> str:
        """How frames are sent: what the broker chose, from its log."""
        for line in self.broker.said.read_text().splitlines():
            with contextlib.suppress(ValueError):
                said = json.loads(line)
                if said.get("msg") == "io backend":
                    return str(said["call"])
        raise LookupError(f"no send call in the log: {self.broker.tail()}")


@contextlib.contextmanager
def staged(
    settings: dict[str, str] | None = None, before: tuple[str, ...] = ()
) -> Iterator[Stage]:
    """`settings` are variables of the broker, `before` goes in front of its
    command line."""
    with tempfile.TemporaryDirectory(prefix="status2-counts-") as name:
        folder = Path(name)
        redis_port, port = free_port(), free_port()
        redis = ["redis-server", "--port", str(redis_port), "--save", ""]
        redis += ["--bind", "127.0.0.1", "--appendonly", "no", "--dir", name]
        environment = clean_environment() | QUIET | (settings or {})
        environment["STATUS_LISTEN_ADDR"] = f"127.0.0.1:{port}"
        environment["STATUS_REDIS_URL"] = f"redis://127.0.0.1:{redis_port}/2"
        with Child("redis", redis, folder, clean_environment()) as child:
            child.wait_for_port(redis_port)
            command = [*before, BINARY]
            with Child("broker", command, folder, environment) as broker:
                broker.wait_for_port(port)
                yield Stage(broker, port, redis_port)
