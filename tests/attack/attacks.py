"""Attacks on a broker: what a hostile client can do with plain sockets, and a
producer with large messages.

    attacks.py NAME PORT SIZE REDIS

REDIS: the path of Redis's Unix socket.

Goes on until it is ended; the kernel then closes its connections.
"""

from __future__ import annotations

import contextlib
import selectors
import signal
import socket
import ssl
import sys
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "bench"))

from drill_parts import PONG, TEXT, connect, encode  # noqa: E402
from resume_redis import Client  # noqa: E402
from servers import trusting  # noqa: E402

RETRY_SECONDS = 0.001
UPGRADE = (
    "Host: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
CONTINUATION = 0
LARGE_MESSAGE = 100_000_000
READ_SIZE = 1 << 20


def unfinished(frame: bytes) -> bytes:
    """The same frame without its FIN bit: more of the message is to come."""
    return bytes([frame[0] & 0x7F]) + frame[1:]


def hoard(port: int, count: int, first: bytes, more: bytes = b"") -> None:
    """`count` connections that say `first`, then `more`, and stay."""
    kept = []
    for _ in range(count):
        with contextlib.suppress(OSError):  # the broker defends itself
            connection = socket.create_connection(("127.0.0.1", port), 10)
            kept.append(connection)
            connection.sendall(first)
            if more:
                connection.recv(4096)
                connection.sendall(more)
    signal.pause()


def repeat(
    count: int, opened: Callable[[], socket.socket], act: Callable[[socket.socket], None]
) -> None:
    """Lets `count` clients act in turn without end; one that fails is opened
    again."""
    clients: list[socket.socket | None] = [None] * count
    while True:
        for i, client in enumerate(clients):
            try:
                client = clients[i] = client or opened()
                act(client)
            except OSError:
                if client is not None:
                    client.close()
                clients[i] = None
                time.sleep(RETRY_SECONDS)


def flood(port: int, count: int, data: bytes, fields: str = UPGRADE) -> None:
    """`count` viewers that send `data` without end. `fields`: of their request."""
    head = f"GET /run:flood HTTP/1.1\r\n{fields}\r\n".encode()

    def opened() -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", port), 10)
        connection.sendall(head)
        if not connection.recv(4096):
            raise ConnectionError
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setblocking(False)
        return connection

    def act(client: socket.socket) -> None:
        with contextlib.suppress(BlockingIOError):
            client.send(data)

    repeat(count, opened, act)


def requests(port: int, count: int, request: bytes) -> None:
    """`count` connections that ask again as soon as they are answered."""

    def act(client: socket.socket) -> None:
        client.sendall(request)
        if not client.recv(65536):
            raise ConnectionError

    repeat(count, lambda: socket.create_connection(("127.0.0.1", port), 10), act)


def many_fields(port: int, size: int) -> None:
    fields = "a:\r\n" * 2000
    head = f"POST /chaos/x HTTP/1.1\r\nHost: x\r\n{fields}Content-Length: 9\r\n\r\n"
    hoard(port, size, head.encode())


def half_headers(port: int, size: int) -> None:
    head = f"GET /run:x HTTP/1.1\r\n{UPGRADE}X: " + "x" * 7000
    hoard(port, size, head.encode())


def bodies_withheld(port: int, size: int) -> None:
    head = "POST /chaos/kill HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n"
    hoard(port, size, head.encode())


def half_messages(port: int, size: int) -> None:
    first = f"GET /run:hoard HTTP/1.1\r\n{UPGRADE}\r\n"
    hoard(port, size, first.encode(), unfinished(encode(TEXT, b"x" * 65535)))


def pong_flood(port: int, size: int) -> None:
    flood(port, size, encode(PONG, b"") * 1000)


def empty_fragments(port: int, size: int) -> None:
    middle = unfinished(encode(CONTINUATION, b""))
    flood(port, size, unfinished(encode(TEXT, b"")) + middle * 999)


def single_bytes(port: int, size: int) -> None:
    flood(port, size, b"\x81")


def stream_flood(port: int, size: int) -> None:
    fields = "Host: x\r\nAccept: text/event-stream\r\n"
    flood(port, size, b"x" * 65536, fields)


def deflate_bombs(port: int, size: int) -> None:
    """Messages of the largest size that say what takes longest to decompress:
    blocks that hold a table of codes and nothing else."""
    empty = zlib.compressobj(9, zlib.DEFLATED, -15)
    unit = empty.compress(bytes(range(256)) * 2) + empty.flush(zlib.Z_FULL_FLUSH)
    payload = (unit * (65535 // len(unit) + 1))[:60000]
    frame = encode(TEXT, payload)
    compressed = bytes([frame[0] | 0x40]) + frame[1:]
    offer = "Sec-WebSocket-Extensions: permessage-deflate\r\n"
    flood(port, size, compressed, UPGRADE + offer)


def scrape_flood(port: int, size: int) -> None:
    requests(port, size, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")


def origin_stars(port: int, size: int) -> None:
    origin = "https://" + "a." * 250 + "example.org"
    request = f"GET /run:x HTTP/1.1\r\n{UPGRADE}Origin: {origin}\r\n\r\n"
    requests(port, size, request.encode())


def large_messages(port: int, size: int) -> None:
    """One message of 100 MB after the other to `size` viewers that read it as
    fast as they can."""
    selector = selectors.DefaultSelector()
    for _ in range(size):
        viewer, _ = connect("127.0.0.1", port, "/run:large")
        viewer.setblocking(False)
        selector.register(viewer, selectors.EVENT_READ)
    with Client(Path(sys.argv[4])) as redis:
        # Redis would close a subscriber for which 32 MB wait.
        redis.ask("CONFIG", "SET", "client-output-buffer-limit", "pubsub 0 0 0")
        buffer = bytearray(READ_SIZE)
        left = 0
        while True:
            if left <= 0:
                redis.ask("PUBLISH", "run:large", "x" * LARGE_MESSAGE)
                left += size * LARGE_MESSAGE
            for key, _ in selector.select():
                got = key.fileobj.recv_into(buffer)
                if got == 0:
                    raise SystemExit("a viewer that reads was closed")
                left -= got


def tls_handshakes(port: int, size: int) -> None:
    """`size` clients that shake hands in full, without end."""
    context = trusting()

    def opened() -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", port), 10)
        return context.wrap_socket(connection)

    def act(_: socket.socket) -> None:
        raise ConnectionError  # it has what it came for

    repeat(size, opened, act)


def half_hellos(port: int, size: int) -> None:
    """The first half of a ClientHello each."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting().wrap_bio(incoming, outgoing)
    with contextlib.suppress(ssl.SSLWantReadError):
        client.do_handshake()
    hoard(port, size, outgoing.read(200))


@dataclass(frozen=True)
class Attack:
    run: Callable[[int, int], None]
    size: int  # connections
    quick_size: int
    tries: str
    variables: dict[str, str] = field(default_factory=dict)  # of the broker
    more_memory_mb: float = 0  # that it may take besides
    most_p99_ms: float = 50  # of the viewers beside it
    tls: bool = False  # of the broker and the viewers


ATTACKS = {
    "many-fields": Attack(many_fields, 5000, 500, "memory: parsed headers"),
    "half-headers": Attack(half_headers, 9900, 500, "memory: parts of headers"),
    "bodies-withheld": Attack(bodies_withheld, 9900, 500, "connections: phases"),
    "half-messages": Attack(half_messages, 9900, 700, "memory: parts of messages"),
    "pong-flood": Attack(
        pong_flood, 20, 20, "processor: frames that mean nothing", most_p99_ms=5
    ),
    "pong-flood-200": Attack(pong_flood, 200, 50, "processor: the same, more of them"),
    "empty-fragments": Attack(
        empty_fragments, 20, 20, "processor: empty frames", most_p99_ms=5
    ),
    "single-bytes": Attack(
        single_bytes, 20, 20, "processor: bytes one by one", most_p99_ms=5
    ),
    "single-bytes-200": Attack(single_bytes, 200, 50, "processor: the same, more"),
    "stream-flood": Attack(
        stream_flood, 20, 20, "processor: bytes to event streams", most_p99_ms=5
    ),
    "deflate-bombs": Attack(
        deflate_bombs,
        20,
        20,
        "processor: messages that are slow to decompress",
        {"STATUS_COMPRESSION": "true"},
    ),
    "tls-handshakes": Attack(
        tls_handshakes, 20, 20, "processor: private-key operations", tls=True
    ),
    "tls-half-hellos": Attack(
        half_hellos, 9900, 500, "memory: half of a TLS handshake", tls=True
    ),
    "scrape-flood": Attack(scrape_flood, 8, 8, "processor: expensive pages"),
    "origin-stars": Attack(origin_stars, 8, 8, "processor: patterns of origins"),
    "large-messages": Attack(
        large_messages,
        500,
        50,
        "processor: 100 MB to each",
        {"STATUS_MAX_PAYLOAD": "128MB", "STATUS_OUTBOX_TOTAL_BYTES": "1024MB"},
        # The payload and its frame.
        2.1 * LARGE_MESSAGE / 1e6,
    ),
}

if __name__ == "__main__":
    ATTACKS[sys.argv[1]].run(int(sys.argv[2]), int(sys.argv[3]))
