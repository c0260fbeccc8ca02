"""Viewers and a producer, in step: a message is published, and awaited by all.

Nothing is measured in time, so that Python is quick enough.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import selectors
import socket
import time
from collections.abc import Callable

DEADLINE = 120.0  # under callgrind a broker is fifty times slower
READ_SIZE = 1 << 18


class Viewer:
    """One client. Counts what it gets, by the object's `type`."""

    def __init__(self, port: int) -> None:
        self.counts: dict[str, int] = {}
        self._bytes = bytearray()
        self.socket = socket.create_connection(("127.0.0.1", port), DEADLINE)

    def _ask(self, target: str, fields: str, status: bytes) -> None:
        self.socket.sendall(
            f"GET /{target} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n".encode()
        )
        while b"\r\n\r\n" not in self._bytes:
            self._bytes += self.socket.recv(READ_SIZE)
        head, _, rest = bytes(self._bytes).partition(b"\r\n\r\n")
        if status not in head.splitlines()[0]:
            raise ConnectionError(head.decode())
        self._bytes = bytearray(rest)

    def _wait_for(self, kind: str) -> None:
        while self.counts.get(kind, 0) == 0:
            self.read()

    def read(self) -> None:
        received = self.socket.recv(READ_SIZE)
        if not received:
            raise ConnectionError("the broker closed a viewer")
        self._bytes += received
        while (text := self._next_object()) is not None:
            kind = json.loads(text)["type"]
            self.counts[kind] = self.counts.get(kind, 0) + 1

    def _next_object(self) -> bytes | None:
        raise NotImplementedError


class WebSocket(Viewer):
    def __init__(self, port: int, target: str) -> None:
        super().__init__(port)
        key = base64.b64encode(os.urandom(16)).decode()
        fields = "Upgrade: websocket\r\nConnection: Upgrade\r\n"
        fields += f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
        self._ask(target, fields, b" 101 ")
        self._send(b'{"type":"init"}')
        self._wait_for("ping")

    def _send(self, text: bytes) -> None:
        """A masked text frame; a mask of zeros changes nothing."""
        self.socket.sendall(bytes([0x81, 0x80 | len(text)]) + bytes(4) + text)

    def _next_object(self) -> bytes | None:
        data = self._bytes
        if len(data) < 2:
            return None
        extra = {126: 2, 127: 8}.get(data[1], 0)
        begin = 2 + extra
        length = int.from_bytes(data[2:begin], "big") if extra else data[1]
        if len(data) < begin + length:
            return None
        frame = bytes(data[begin : begin + length])
        del data[: begin + length]
        return frame


class EventStream(Viewer):
    def __init__(self, port: int, target: str) -> None:
        super().__init__(port)
        self._ask(target, "Accept: text/event-stream\r\n", b" 200 ")
        self._wait_for("resumed")

    def _next_object(self) -> bytes | None:
        while b"\n\n" in self._bytes:
            event, _, rest = bytes(self._bytes).partition(b"\n\n")
            self._bytes = bytearray(rest)
            _, found, data = event.partition(b"data: ")
            if found:
                return data
        return None


class Crowd:
    """Viewers of one channel, all of them live. `query` stands behind the
    channel in the address of each."""

    def __init__(
        self,
        port: int,
        channel: str,
        viewers: int,
        protocol: Callable[[int, str], Viewer] = WebSocket,
        query: str = "",
    ) -> None:
        self.channel = channel
        self.viewers: list[Viewer] = []
        self._expected = 0
        self._selector = selectors.DefaultSelector()
        for _ in range(viewers):
            viewer = protocol(port, channel + query)
            self.viewers.append(viewer)
            self._selector.register(viewer.socket, selectors.EVENT_READ, viewer)

    def receive(self, messages: int) -> None:
        """Returns once each viewer has got so many more messages."""
        self._expected += messages
        waiting = set(self.viewers)
        deadline = time.monotonic() + DEADLINE
        while waiting:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(waiting)} viewers wait for a message")
            for key, _ in self._selector.select(1):
                key.data.read()
                if key.data.counts.get("status", 0) == self._expected:
                    waiting.discard(key.data)

    def close(self) -> None:
        self._selector.close()
        for viewer in self.viewers:
            with contextlib.suppress(OSError):
                viewer.socket.close()


class Producer:
    """One connection to Redis."""

    PAYLOAD = "a line of a log, as long as most are: " + "x" * 90

    def __init__(self, redis_port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", redis_port), DEADLINE)

    def publish(self, channel: str, messages: int) -> None:
        """In one write; returns once Redis has taken them."""
        words = ("PUBLISH", channel, self.PAYLOAD)
        command = f"*{len(words)}\r\n" + "".join(
            f"${len(word)}\r\n{word}\r\n" for word in words
        )
        self._socket.sendall(command.encode() * messages)
        answers = b""
        while answers.count(b"\r\n") < messages:
            answers += self._socket.recv(READ_SIZE)

    def close(self) -> None:
        self._socket.close()


def deliver_one_by_one(crowd: Crowd, producer: Producer, messages: int) -> int:
    """Nothing can be gathered: the next message waits for the last viewer.
    Returns the number of deliveries."""
    for _ in range(messages):
        producer.publish(crowd.channel, 1)
        crowd.receive(1)
    return messages * len(crowd.viewers)


def deliver_burst(crowd: Crowd, producer: Producer, messages: int) -> int:
    """All messages in one write. Returns the number of deliveries."""
    producer.publish(crowd.channel, messages)
    crowd.receive(messages)
    return messages * len(crowd.viewers)
