"""Out of memory is a refused request: the broker under a limit of its address
space. AddressSanitizer reserves terabytes of it, so this needs the release
binary."""

from __future__ import annotations

import contextlib
import resource
import select
import socket
import time
import unittest
from collections.abc import Callable
from pathlib import Path

from crowd import Crowd, Producer, deliver_one_by_one
from stage import FAILED, Stage, staged

RESERVE = 4 << 20
PATIENCE = 20.0
# One arena, which has to ask the kernel for every growth: other arenas have
# reserved their address space beforehand.
SETTINGS = {
    "STATUS_IO_THREADS": "2",
    "STATUS_INBOUND_TOTAL_BYTES": "1024MB",
    "STATUS_MAX_HEADER_SIZE": "1MB",
    "STATUS_HANDSHAKE_TIMEOUT": "1h",
    "GLIBC_TUNABLES": "glibc.malloc.arena_max=1",
}
UPGRADE = (
    b"GET /run1:log HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
    b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
HALF = b"GET /run1:log HTTP/1.1\r\nX: " + 60000 * b"x"


def eventually(predicate: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE
    while not predicate():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def address_space(stage: Stage) -> int:
    pages = Path(f"/proc/{stage.broker.pid}/statm").read_text().split()[0]
    return int(pages) * resource.getpagesize()


def limit(stage: Stage, size: int) -> None:
    _, hard = resource.prlimit(stage.broker.pid, resource.RLIMIT_AS)
    resource.prlimit(stage.broker.pid, resource.RLIMIT_AS, (size, hard))


def logged(stage: Stage, message: str) -> bool:
    return f'"msg":"{message}"' in stage.broker.said.read_text()


class Hoarders:
    """Connections that never finish their header."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.sockets: list[socket.socket] = []

    def add(self) -> None:
        one = socket.create_connection(("127.0.0.1", self.port), PATIENCE)
        self.sockets.append(one)
        # It may be refused while it sends.
        with contextlib.suppress(OSError):
            one.sendall(HALF)

    def refused(self) -> bool:
        """Whether the broker has answered one of them, or closed it."""
        looked_at = select.poll()
        for one in self.sockets:
            looked_at.register(one, select.POLLIN)
        return bool(looked_at.poll(0))

    def close(self) -> None:
        for one in self.sockets:
            one.close()


def answer(port: int) -> str:
    """The start of the answer to a request for a channel; empty: none came."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as client:
        client.settimeout(PATIENCE)
        client.sendall(UPGRADE)
        try:
            return client.recv(4096).decode()
        except ConnectionError:
            return ""


class OutOfMemory(unittest.TestCase):
    def test_new_clients_are_refused_until_there_is_memory(self) -> None:
        with staged(SETTINGS) as stage:
            crowd = Crowd(stage.port, "run1:log", 10)
            producer = Producer(stage.redis_port)
            deliver_one_by_one(crowd, producer, 10)
            hoarders = Hoarders(stage.port)
            before = address_space(stage)
            limit(stage, before)

            def reserve_is_gone() -> bool:
                hoarders.add()
                return address_space(stage) < before - RESERVE / 2

            self.assertTrue(eventually(reserve_is_gone))
            # Enough for answers, too little for the reserve.
            limit(stage, address_space(stage) + RESERVE // 2)
            self.assertTrue(eventually(lambda: logged(stage, "out of memory")))
            refused = answer(stage.port)
            self.assertTrue(refused.startswith("HTTP/1.1 503"), refused)
            self.assertTrue(refused.endswith("out of memory\n"), refused)
            deliver_one_by_one(crowd, producer, 10)
            hoarders.close()
            limit(stage, resource.RLIM_INFINITY)
            self.assertTrue(
                eventually(lambda: answer(stage.port).startswith("HTTP/1.1 101"))
            )
            self.assertTrue(logged(stage, "memory reserve restored"))
            deliver_one_by_one(crowd, producer, 10)
            producer.close()
            crowd.close()

    def test_without_the_reserve_single_requests_fail_and_viewers_stay(self) -> None:
        with staged(SETTINGS) as stage:
            crowd = Crowd(stage.port, "run1:log", 10)
            producer = Producer(stage.redis_port)
            deliver_one_by_one(crowd, producer, 10)
            hoarders = Hoarders(stage.port)
            limit(stage, address_space(stage))

            def one_is_refused() -> bool:
                for _ in range(20):
                    hoarders.add()
                return hoarders.refused()

            self.assertTrue(eventually(one_is_refused))
            self.assertIsNone(stage.broker.process.poll(), stage.broker.tail())
            hoarders.close()
            limit(stage, resource.RLIM_INFINITY)
            self.assertTrue(
                eventually(lambda: answer(stage.port).startswith("HTTP/1.1 101"))
            )
            deliver_one_by_one(crowd, producer, 10)
            self.assertGreater(stage.metrics()[FAILED], 0)
            producer.close()
            crowd.close()


if __name__ == "__main__":
    unittest.main(verbosity=2)
