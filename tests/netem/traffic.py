"""Traffic between two namespaces, and how late it was.

The clock of an answer is the kernel's, at its arrival: that this process was
not scheduled in time does not count as delay.
"""

from __future__ import annotations

import multiprocessing
import select
import socket
import statistics
import struct
import time
from dataclasses import dataclass

from namespaces import Namespace, prepare_child

SO_TIMESTAMPNS = 35
# Past net.core.*mem_max. On the way out a held packet still counts against its
# socket's buffer.
SO_SNDBUFFORCE, SO_RCVBUFFORCE, BUFFER = 32, 33, 1 << 22
INDEX = struct.Struct("!I")
STAMP = struct.Struct("qq")


@dataclass
class Measured:
    sent: int
    delays: list[float]  # milliseconds, there and back

    @property
    def lost(self) -> int:
        return self.sent - len(self.delays)

    @property
    def mean(self) -> float:
        return statistics.fmean(self.delays)

    @property
    def spread(self) -> float:
        return statistics.stdev(self.delays)


def _answer_all(server: socket.socket) -> None:
    prepare_child()
    while True:
        data, peer = server.recvfrom(2048)
        server.sendto(data, peer)


class UdpEcho:
    """Answers every datagram, in a process of its own."""

    def __init__(self, home: Namespace) -> None:
        with home.entered():
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
        self._socket.bind((home.address, 0))
        self.port: int = self._socket.getsockname()[1]
        self._process = multiprocessing.get_context("fork").Process(
            target=_answer_all, args=(self._socket,), daemon=True
        )
        self._process.start()

    def close(self) -> None:
        self._process.kill()
        self._process.join()
        self._socket.close()


class UdpClient:
    """Sends numbered datagrams to an echo and times the answers."""

    def __init__(self, home: Namespace, peer: tuple[str, int]) -> None:
        with home.entered():
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, BUFFER)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
        self._socket.connect(peer)
        self._socket.setblocking(False)
        self._sent_at: list[int] = []
        self._delays: dict[int, float] = {}

    def send(self) -> None:
        index = len(self._sent_at)
        self._sent_at.append(time.time_ns())
        self._socket.send(INDEX.pack(index))

    def receive_until(self, deadline: float) -> None:
        """Takes answers until the deadline, or until none is missing."""
        while len(self._delays) < len(self._sent_at):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._socket], [], [], left)[0]:
                return
            self._receive_one()

    def _receive_one(self) -> None:
        data, extra, _, _ = self._socket.recvmsg(64, 256)
        seconds, nanoseconds = STAMP.unpack(extra[0][2])
        index = INDEX.unpack(data)[0]
        if index in self._delays:
            raise AssertionError(f"datagram {index} came twice")
        arrived = seconds * 1_000_000_000 + nanoseconds
        self._delays[index] = (arrived - self._sent_at[index]) / 1e6

    def measured(self) -> Measured:
        return Measured(len(self._sent_at), list(self._delays.values()))

    def measure(self, count: int, rate: float, patience: float = 1.0) -> Measured:
        """`count` datagrams at `rate` a second; `patience` for the last ones."""
        start = time.monotonic()
        for index in range(count):
            due = start + index / rate
            self.receive_until(due)
            # All answers are there: the next datagram is still not due.
            while (left := due - time.monotonic()) > 0:
                select.select([self._socket], [], [], left)
            self.send()
        self.receive_until(time.monotonic() + patience)
        return self.measured()

    def close(self) -> None:
        self._socket.close()


def tcp_round_trip(near: Namespace, far: Namespace, data: bytes) -> bytes:
    """What comes back when `data` goes to an echo over one TCP connection."""
    with far.entered():
        listener = socket.create_server((far.address, 0))
    with near.entered():
        client = socket.socket()
    client.setblocking(False)
    with listener, client:
        client.connect_ex(listener.getsockname())
        listener.settimeout(10)
        server, _ = listener.accept()
        server.setblocking(False)
        with server:
            return _pump(client, server, data)


def _pump(client: socket.socket, server: socket.socket, data: bytes) -> bytes:
    sent, back, pending = 0, bytearray(), bytearray()
    deadline = time.monotonic() + 20
    while len(back) < len(data):
        if time.monotonic() > deadline:
            raise AssertionError(f"{len(back)} of {len(data)} bytes in 20 s")
        writers = [client] if sent < len(data) else []
        writers += [server] if pending else []
        readable, writable, _ = select.select([client, server], writers, [], 1)
        if client in writable:
            sent += client.send(data[sent : sent + 65536])
        if server in readable:
            pending += server.recv(65536)
        if server in writable and pending:
            del pending[: server.send(pending[:65536])]
        if client in readable:
            back += client.recv(65536)
    return bytes(back)
