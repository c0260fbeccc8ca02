"""A producer that outlives a Redis outage and knows what Redis took.

`status2 publish --rate` makes load; this one is for judging: it remembers of
each number when it was published, and whether Redis confirmed it.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

ANSWER_SECONDS = 2.0
RETRY_SECONDS = 0.05


@dataclass(frozen=True)
class Published:
    number: int
    at: float  # time.time()


def resp(*words: str) -> bytes:
    """A command in Redis's protocol."""
    out = [f"*{len(words)}\r\n".encode()]
    for word in words:
        data = word.encode()
        out.append(b"$%d\r\n%s\r\n" % (len(data), data))
    return b"".join(out)


Address = tuple[str, int]


class Redis:
    """One connection that asks one thing at a time. Errors: OSError, also for
    an error reply."""

    def __init__(self, address: Address, password: str = "") -> None:
        self.address = address
        self._connection = socket.create_connection(address, ANSWER_SECONDS)
        self._answers = self._connection.makefile("rb")
        if password:
            try:
                self.ask("AUTH", password)
            except BaseException:
                self.close()
                raise

    def ask(self, *words: str) -> Any:
        """A number, a text, None, or a list of those."""
        self._connection.sendall(resp(*words))
        return self._answer()

    def close(self) -> None:
        self._answers.close()
        self._connection.close()

    def _answer(self) -> Any:
        line = self._answers.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("Redis closed the connection")
        kind, text = line[:1], line[1:-2].decode(errors="replace")
        match kind:
            case b"+":
                return text
            case b":":
                return int(text)
            case b"$":
                size = int(text)
                if size < 0:
                    return None
                return self._answers.read(size + 2)[:-2].decode(errors="replace")
            case b"*":
                return [self._answer() for _ in range(int(text))]
        raise ConnectionError(text)


class Publisher:
    """Publishes `rate` texts a second until `stop`; skips what it cannot.

    `find` is asked before each message where to publish it. Thread: `find` runs
    in the publisher's own. Errors of `find`: OSError, and the message is skipped.
    """

    def __init__(
        self, find: Callable[[], Address], channel: str, rate: float,
        size: int = 128, password: str = "",
    ) -> None:  # fmt: skip
        self._find, self._password = find, password
        self._channel, self._rate = channel, rate
        self._pad = "x" * max(size - 50, 0)
        self._taken: list[Published] = []
        self.failed = 0  # not confirmed by Redis: nobody may expect them
        self._redis: Redis | None = None
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def taken(self) -> list[Published]:
        """What Redis has confirmed, in order."""
        with self._lock:
            return list(self._taken)

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join(10)
        self._drop()

    def _work(self) -> None:
        begun = time.monotonic()
        number = 0
        while not self._stopped.is_set():
            due = begun + number / self._rate
            if (early := due - time.monotonic()) > 0:
                self._stopped.wait(early)
                continue
            self._publish(number)
            number += 1

    def _publish(self, number: int) -> None:
        at = time.time()
        text = json.dumps(
            {"seq": number, "t": at * 1000, "pad": self._pad}, separators=(",", ":")
        )
        try:
            self._ask(text)
        except OSError:
            self.failed += 1
            self._drop()
            self._stopped.wait(RETRY_SECONDS)
            return
        with self._lock:
            self._taken.append(Published(number, at))

    def _ask(self, text: str) -> None:
        address = self._find()
        if self._redis is not None and self._redis.address != address:
            self._drop()
        if self._redis is None:
            self._redis = Redis(address, self._password)
        self._redis.ask("PUBLISH", self._channel, text)

    def _drop(self) -> None:
        if self._redis is not None:
            with suppress(OSError):
                self._redis.close()
            self._redis = None
