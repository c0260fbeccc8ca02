"""Viewers that remember: which message came when, gaps told, closes.

A load generator counts. Witnesses are few, and each message they miss has a
name and a time, so that a drill can say in which window it was lost.
"""

from __future__ import annotations

import json
import math
import selectors
import socket
import struct
import threading
import time
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

from .clock import eventually, unix_time
from .series import SeriesStore, percentile
from .websocket import CLOSE, PING, PONG, TEXT, FrameReader, connect, encode

TICK_SECONDS = 1.0


@dataclass(frozen=True)
class Gap:
    """What the broker told: messages may be missing between these times."""

    since: float
    until: float
    cause: str


@dataclass
class Witness:
    """One viewer and what it saw. `arrivals`: number to time of receipt."""

    connection: socket.socket
    reader: FrameReader = field(default_factory=FrameReader)
    live: bool = False  # its init was answered
    arrivals: dict[int, float] = field(default_factory=dict)
    duplicated: int = 0
    reordered: int = 0
    last: int = -1
    gaps: list[Gap] = field(default_factory=list)
    foreign: int = 0  # texts that the drill's publisher did not send
    closed: str = ""  # why, if it was


class Witnesses:
    """Some viewers of one channel, read by one thread until `stop`."""

    def __init__(
        self, host: str, port: int, channel: str, count: int, series: SeriesStore,
        prefix: str = "",
    ) -> None:  # fmt: skip
        self._selector = selectors.DefaultSelector()
        self._series = series
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._latencies: list[tuple[float, float]] = []  # receipt, ms
        self.all: list[Witness] = []
        try:
            for _ in range(count):
                self._open(host, port, f"{prefix}/{channel}?gap=1")
        except BaseException:
            self.stop()
            raise
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def wait_until_live(self, seconds: float) -> None:
        eventually(
            lambda: all(w.live for w in self.all), seconds, "every init is answered"
        )

    def open_count(self) -> int:
        return sum(not w.closed for w in self.all)

    def received(self) -> int:
        return sum(len(w.arrivals) for w in self.all)

    def latencies(self, begin: float = 0.0, end: float = math.inf) -> list[float]:
        """Milliseconds, of the messages received in this span."""
        with self._lock:
            first = bisect_left(self._latencies, (begin,))
            last = bisect_right(self._latencies, (end, math.inf))
            return [ms for _, ms in self._latencies[first:last]]

    def first_after(self, moment: float) -> list[float]:
        """Of each witness, when the first message came after `moment`."""
        with self._lock:
            return [
                min((t for t in w.arrivals.values() if t > moment), default=math.inf)
                for w in self.all
            ]

    def missed(self, witness: Witness, numbers: Sequence[int]) -> list[int]:
        with self._lock:
            return [n for n in numbers if n not in witness.arrivals]

    def stop(self) -> None:
        self._stopped.set()
        thread = getattr(self, "_thread", None)
        if thread is not None:
            thread.join(10)
        for witness in self.all:
            witness.connection.close()
        self._selector.close()

    def _open(self, host: str, port: int, target: str) -> None:
        connection, rest = connect(host, port, target)
        witness = Witness(connection)
        self.all.append(witness)
        connection.sendall(encode(TEXT, b'{"type":"init"}'))
        connection.settimeout(5)
        self._take(witness, rest)
        self._selector.register(connection, selectors.EVENT_READ, witness)

    def _work(self) -> None:
        tick = time.monotonic() + TICK_SECONDS
        while not self._stopped.is_set():
            for key, _ in self._selector.select(0.1):
                self._read(key.data)
            if time.monotonic() >= tick:
                tick += TICK_SECONDS
                self._note()

    def _read(self, witness: Witness) -> None:
        try:
            data = witness.connection.recv(1 << 16)
            if not data:
                raise ConnectionError("no Close frame")
            self._take(witness, data)
        except OSError as error:
            witness.closed = witness.closed or str(error)
        if witness.closed:
            self._selector.unregister(witness.connection)

    def _take(self, witness: Witness, data: bytes) -> None:
        now = time.time()
        for opcode, payload in witness.reader.feed(data):
            if opcode == TEXT:
                try:
                    self._text(witness, json.loads(payload), now)
                except (ValueError, KeyError, TypeError):
                    witness.foreign += 1
            elif opcode == PING:
                witness.connection.sendall(encode(PONG, payload))
            elif opcode == CLOSE:
                code = struct.unpack("!H", payload[:2])[0] if payload else 1005
                witness.closed = f"closed with {code}"

    def _text(self, witness: Witness, frame: dict[str, str], now: float) -> None:
        match frame["type"]:
            case "ping":
                witness.live = True
                witness.connection.sendall(encode(TEXT, b'{"type":"pong"}'))
            case "gap":
                since, until = unix_time(frame["since"]), unix_time(frame["until"])
                witness.gaps.append(Gap(since, until, frame["cause"]))
            case "status":
                message = json.loads(frame["data"])
                self._message(witness, message["seq"], message["t"], now)

    def _message(self, witness: Witness, seq: int, sent: float, now: float) -> None:
        with self._lock:
            if seq in witness.arrivals:
                witness.duplicated += 1
                return
            witness.reordered += seq < witness.last
            witness.last = max(witness.last, seq)
            witness.arrivals[seq] = now
            self._latencies.append((now, max(now * 1000 - sent, 0.0)))

    def _note(self) -> None:
        """Once a second: what the plots show."""
        now = time.time()
        recent = self.latencies(now - TICK_SECONDS)
        for share in (50, 95, 99):
            if recent:
                value = percentile(recent, share)
                self._series.add(f"latency_p{share}_ms", value, now)
        self._series.add("clients_open", self.open_count(), now)
        self._series.add("clients_received_total", self.received(), now)
