"""The line that is watched: a producer who never gives up, and its viewer.

Both are threads that note times of time.monotonic(). The lists only grow, so
that other threads may read them.
"""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from drill_parts import CLOSE, TEXT, FrameReader, connect, encode
from resume_redis import Client

CHANNEL = "bench:line"
EVERY = 0.005  # between two messages
KNOCK = 0.001  # between two attempts while Redis does not accept one
INIT = encode(TEXT, b'{"type":"init"}')
PONG = encode(TEXT, b'{"type":"pong"}')


@dataclass(frozen=True)
class Message:
    """A number that Redis accepted, or that arrived."""

    number: int
    at: float
    life: int = 0  # accepted: on the producer's so many-th connection


class Producer:
    """Publishes 0, 1, 2 and so on to CHANNEL. A number that Redis did not
    accept is published again.
    """

    def __init__(
        self, path: Path, password: str | None, every: float = EVERY
    ) -> None:
        self.accepted: list[Message] = []
        self._path, self._password, self._every = path, password, every
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def first_after(self, life: int, begin: int = 0) -> Message | None:
        """The first accepted one of a later life; looks from index `begin`."""
        return next((m for m in self.accepted[begin:] if m.life > life), None)

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()

    def _work(self) -> None:
        life = 0
        while not self._ended.is_set():
            before = len(self.accepted)
            try:
                with Client(self._path) as client:
                    self._serve(client, life + 1)
            except OSError:
                self._ended.wait(KNOCK)
            if len(self.accepted) > before:
                life += 1

    def _serve(self, client: Client, life: int) -> None:
        while self._password and client.ask("AUTH", self._password) != "+OK":
            if self._ended.wait(KNOCK):
                return
        due = time.monotonic()
        while not self._ended.is_set():
            number = len(self.accepted)
            if not client.ask("PUBLISH", CHANNEL, str(number)).startswith(":"):
                self._ended.wait(KNOCK)
                continue
            now = time.monotonic()
            self.accepted.append(Message(number, now, life))
            due = max(due + self._every, now)
            self._ended.wait(due - now)


class Viewer:
    """Notes when each number arrives."""

    def __init__(self, port: int, tls: ssl.SSLContext | None = None) -> None:
        self.arrived: list[Message] = []
        self.closed = ""  # why, if the broker closed the connection
        self._socket, rest = connect("127.0.0.1", port, f"/{CHANNEL}", tls)
        self._socket.settimeout(None)
        self._frames = FrameReader()
        self._live = threading.Event()
        self._socket.sendall(INIT)
        self._thread = threading.Thread(target=self._work, args=(rest,), daemon=True)
        self._thread.start()

    def wait_until_live(self, seconds: float) -> bool:
        """Whether the broker answers `init`: the channel is subscribed."""
        return self._live.wait(seconds)

    def stop(self) -> None:
        with contextlib.suppress(OSError):  # the broker may have closed it
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()

    def _work(self, data: bytes) -> None:
        while True:
            now = time.monotonic()
            for opcode, payload in self._frames.feed(data):
                self._take(opcode, payload, now)
            try:
                data = self._socket.recv(65536)
            except OSError as error:
                self.closed = self.closed or str(error)
            if not data or self.closed:
                self.closed = self.closed or "no Close frame"
                return

    def _take(self, opcode: int, payload: bytes, now: float) -> None:
        if opcode == CLOSE:
            self.closed = f"close code {int.from_bytes(payload[:2], 'big')}"
        if opcode != TEXT:
            return
        frame = json.loads(payload)
        if frame["type"] == "status":
            self.arrived.append(Message(int(frame["data"]), now))
        elif frame["type"] == "ping":
            self._live.set()
            self._socket.sendall(PONG)


def missed(
    accepted: Iterable[Message], arrived: Iterable[Message], above: int, to: int
) -> int:
    """How many accepted numbers over `above`, up to `to`, never arrived."""
    seen = {message.number for message in arrived}
    return sum(
        above < message.number <= to and message.number not in seen
        for message in accepted
    )
