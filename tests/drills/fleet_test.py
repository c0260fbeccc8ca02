"""Asking Redis, publishing to the server that is found, and what was missed."""

from __future__ import annotations

import socketserver
import threading
import time
import types
import unittest

import support  # noqa: F401  the drills' folder becomes importable

from drills import fleet, losses
from drills.publisher import Published, Publisher, Redis
from drills.scenarios import cluster_failover, sentinel_failover
from drills.witness import Gap, Witness


class FakeRedis:
    """Answers each command with what `answer` makes of its words."""

    def __init__(self, test: unittest.TestCase, answer) -> None:
        self.seen: list[list[str]] = []
        fake = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                while line := self.rfile.readline():
                    words = []
                    for _ in range(int(line[1:])):
                        size = int(self.rfile.readline()[1:])
                        words.append(self.rfile.read(size + 2)[:-2].decode())
                    fake.seen.append(words)
                    reply = answer(words)
                    if not reply:
                        return
                    self.wfile.write(reply)

        server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        self.address = ("127.0.0.1", server.server_address[1])
        threading.Thread(target=server.serve_forever, daemon=True).start()
        test.addCleanup(server.server_close)
        test.addCleanup(server.shutdown)


def until(condition, seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


class Asking(unittest.TestCase):
    def asked(self, reply: bytes) -> object:
        redis = Redis(FakeRedis(self, lambda _: reply).address)
        self.addCleanup(redis.close)
        return redis.ask("ANY")

    def test_replies_of_every_kind(self) -> None:
        self.assertEqual(self.asked(b"+PONG\r\n"), "PONG")
        self.assertEqual(self.asked(b":7\r\n"), 7)
        self.assertEqual(self.asked(b"$6\r\na\r\nb\r\n\r\n"), "a\r\nb\r\n")
        self.assertIsNone(self.asked(b"$-1\r\n"))
        nested = b"*3\r\n$1\r\na\r\n*2\r\n:1\r\n$0\r\n\r\n*0\r\n"
        self.assertEqual(self.asked(nested), ["a", [1, ""], []])

    def test_an_error_and_an_end_are_errors(self) -> None:
        for reply in (b"-ERR no\r\n", b"", b"$3\r"):
            with self.subTest(reply), self.assertRaises(OSError):
                self.asked(reply)

    def test_a_password_comes_first(self) -> None:
        fake = FakeRedis(self, lambda _: b"+OK\r\n")
        redis = Redis(fake.address, "secret")
        self.addCleanup(redis.close)
        redis.ask("PING")
        self.assertEqual(fake.seen, [["AUTH", "secret"], ["PING"]])


class Publishing(unittest.TestCase):
    def test_it_follows_what_is_found_and_skips_what_is_not(self) -> None:
        first, second = (FakeRedis(self, lambda _: b":1\r\n") for _ in "12")
        where = [first]

        def find():
            if not where:
                raise ConnectionError("nobody knows")
            return where[0].address

        publisher = Publisher(find, "a:b", 200)
        self.addCleanup(publisher.stop)
        self.assertTrue(until(lambda: first.seen))
        where.clear()
        self.assertTrue(until(lambda: publisher.failed > 0))
        where.append(second)
        self.assertTrue(until(lambda: second.seen))
        publisher.stop()
        taken = [p.number for p in publisher.taken()]
        self.assertEqual(taken, sorted(set(taken)))
        self.assertEqual(len(taken), len(first.seen) + len(second.seen))
        self.assertEqual(second.seen[0][:2], ["PUBLISH", "a:b"])


class Missing(unittest.TestCase):
    def test_what_was_missed_is_told_or_not(self) -> None:
        witness = Witness(None)  # type: ignore[arg-type]
        witness.arrivals = {1: 1.0, 4: 4.0}
        witness.gaps = [Gap(1.5, 2.5, "redis_outage")]
        witness.duplicated = 3
        watching = types.SimpleNamespace(
            all=[witness],
            missed=lambda one, numbers: [n for n in numbers if n not in one.arrivals],
        )
        published = [Published(n, float(n)) for n in range(5)]
        found = losses.judge(watching, published)  # type: ignore[arg-type]
        # Number 0 came before the witness was live.
        self.assertEqual([p.number for p in found.missed], [2, 3])
        self.assertEqual((found.untold, found.twice, found.unordered), (1, 3, 0))


class Places(unittest.TestCase):
    def test_addresses_are_those_of_the_stack_files(self) -> None:
        for module, file in ((sentinel_failover, "sentinel"),
                             (cluster_failover, "cluster")):  # fmt: skip
            text = (support.ROOT / f"compose/compose.{file}.yml").read_text()
            services = getattr(module, "NODES", ()) or (
                *module.SERVERS, *module.SENTINELS)  # fmt: skip
            for service in services:
                block = text.split(f"\n  {service}:")[1].split("\n\n")[0]
                self.assertIn(f"ipv4_address: {fleet.address_of(service)}}}", block)


if __name__ == "__main__":
    unittest.main()
