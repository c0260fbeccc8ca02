"""A producer that outlives a Redis outage and knows what Redis took.

`status2 publish --rate` makes load; this one is for judging: it remembers of
each number when it was published, and whether Redis confirmed it.
"""

from __future__ import annotations

import json
import socket
import threading
import time
from dataclasses import dataclass

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


class Publisher:
    """Publishes `rate` texts a second until `stop`; skips what it cannot."""

    def __init__(
        self, host: str, port: int, channel: str, rate: float, size: int = 128
    ) -> None:
        self._address = (host, port)
        self._channel, self._rate = channel, rate
        self._pad = "x" * max(size - 50, 0)
        self._taken: list[Published] = []
        self.failed = 0  # not confirmed by Redis: nobody may expect them
        self._connection: socket.socket | None = None
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
        if self._connection is not None:
            self._connection.close()

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
            self._ask(resp("PUBLISH", self._channel, text))
        except OSError:
            self.failed += 1
            self._drop()
            self._stopped.wait(RETRY_SECONDS)
            return
        with self._lock:
            self._taken.append(Published(number, at))

    def _ask(self, command: bytes) -> None:
        if self._connection is None:
            self._connection = socket.create_connection(self._address, ANSWER_SECONDS)
        self._connection.sendall(command)
        answer = b""
        while not answer.endswith(b"\r\n"):
            data = self._connection.recv(4096)
            if not data:
                raise ConnectionError("Redis closed the connection")
            answer += data
        if not answer.startswith(b":"):
            raise ConnectionError(answer.decode(errors="replace"))

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
