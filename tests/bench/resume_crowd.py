"""Many viewers of a channel each, in a process of its own.

Prints `open` when all are connected, and `complete TEXT` when every channel has
had the text since the last such line. It answers no heartbeats: the broker must
not send any.
"""

from __future__ import annotations

import argparse
import json
import selectors
import sys

from drill_parts import TEXT, FrameReader, connect


def channel(number: int) -> str:
    return f"bench:c{number}"


class Crowd:
    def __init__(self) -> None:
        self._selector = selectors.EpollSelector()
        self._size = 0
        self._seen: dict[str, set[int]] = {}

    def open(self, port: int, number: int) -> None:
        connection, rest = connect("127.0.0.1", port, f"/{channel(number)}")
        connection.setblocking(False)
        reader = FrameReader()
        self._size += 1
        self._selector.register(
            connection, selectors.EVENT_READ, (number, connection, reader)
        )
        self._take(number, reader, rest)

    def run(self) -> None:
        while True:
            for key, _ in self._selector.select():
                number, connection, reader = key.data
                data = connection.recv(4096)
                if not data:
                    raise SystemExit(f"the broker closed {channel(number)}")
                self._take(number, reader, data)

    def _take(self, number: int, reader: FrameReader, data: bytes) -> None:
        for opcode, payload in reader.feed(data):
            if opcode != TEXT:
                raise SystemExit(f"opcode {opcode} on {channel(number)}")
            frame = json.loads(payload)
            if frame["type"] == "status":
                self._note(number, frame["data"])

    def _note(self, number: int, text: str) -> None:
        seen = self._seen.setdefault(text, set())
        seen.add(number)
        if len(seen) == self._size:
            print(f"complete {text}", flush=True)
            del self._seen[text]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="of the broker")
    parser.add_argument("--first", type=int, required=True)
    parser.add_argument("--count", type=int, required=True)
    chosen = parser.parse_args()
    crowd = Crowd()
    for number in range(chosen.first, chosen.first + chosen.count):
        crowd.open(chosen.port, number)
    print("open", flush=True)
    crowd.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
