"""A TCP proxy with faults, in front of the broker."""

from __future__ import annotations

import contextlib
import selectors
import socket
import struct
import threading
from types import TracebackType

RESET = struct.pack("ii", 1, 0)


class Pair:
    """A client's connection and the one to the broker."""

    def __init__(self, client: socket.socket, broker: socket.socket) -> None:
        self.client, self.broker = client, broker

    def close(self, reset: bool = False) -> None:
        for one in (self.client, self.broker):
            with contextlib.suppress(OSError):
                if reset:
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                one.close()


class Gate:
    """Passes bytes on until it is told otherwise. Thread: any."""

    def __init__(self, broker_port: int) -> None:
        self.accepted = 0  # connections so far
        self.refuses_upgrade = False  # answers a WebSocket with 403
        self.idle: float | None = None  # seconds until a silent one is cut
        self.cuts = 0
        self._broker_port = broker_port
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self._listener.getsockname()[1]
        self._lock = threading.Lock()
        self._pairs: set[Pair] = set()
        self._passing = threading.Event()
        self._passing.set()
        self._ended = False

    def __enter__(self) -> Gate:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended = True
        self._passing.set()
        self._listener.close()
        self.cut()

    def stall(self) -> None:
        """From now on no byte passes, and nobody is told."""
        self._passing.clear()

    def go_on(self) -> None:
        self._passing.set()

    def cut(self) -> None:
        """Resets every connection."""
        with self._lock:
            pairs, self._pairs = self._pairs, set()
        for pair in pairs:
            with contextlib.suppress(OSError):
                pair.client.shutdown(socket.SHUT_RDWR)
            pair.close(reset=True)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        self._passing.wait()
        try:
            if self.refuses_upgrade:
                first = client.recv(65536)
                if b"upgrade: websocket" in first.lower():
                    client.sendall(b"HTTP/1.1 403 no\r\nContent-Length: 0\r\n\r\n")
                    client.close()
                    return
            else:
                first = b""
            broker = socket.create_connection(("127.0.0.1", self._broker_port), 5)
            broker.sendall(first)
        except OSError:
            client.close()
            return
        pair = Pair(client, broker)
        with self._lock:
            self._pairs.add(pair)
        with contextlib.suppress(OSError, ValueError):
            self._pass(pair)
        with self._lock:
            self._pairs.discard(pair)
        pair.close()

    def _pass(self, pair: Pair) -> None:
        with selectors.DefaultSelector() as ready:
            ready.register(pair.client, selectors.EVENT_READ, pair.broker)
            ready.register(pair.broker, selectors.EVENT_READ, pair.client)
            while not self._ended:
                found = ready.select(self.idle)
                if not found:
                    self.cuts += 1
                    return
                for key, _ in found:
                    data = key.fileobj.recv(65536)
                    self._passing.wait()
                    if not data:
                        return
                    key.data.sendall(data)
