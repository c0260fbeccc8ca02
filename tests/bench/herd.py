#!/usr/bin/env python3
"""A herd of pages that come back at once, each with the whole tail of its
channel: how soon are all of them live, and what do viewers of another channel
notice? Prints a table a round; README.md says how to read it.
"""

from __future__ import annotations

import argparse
import json
import socket
import statistics
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from drill_parts import resp
from measure import start_redis
from processes import Child, end_on_signals, free_port
from servers import Status2, clean_environment

ROOT = Path(__file__).resolve().parents[2]
HERD_CHANNEL = "bench:c0"  # as the load generator names its first channel
TAIL = 256
LINE = "a line of a log, as long as most are: " + "x" * 90


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=6.0, help="of each window")
    parser.add_argument("--build-dir", type=Path, default=ROOT / "build" / "release")
    return parser.parse_args()


class Load:
    """The load generator on one broker."""

    def __init__(self, build: Path, port: int, redis_port: int, pid: int) -> None:
        self._command = [str(build / "status2_load"), f"--port={port}"]
        self._command += [f"--redis-port={redis_port}", f"--pid={pid}"]

    def start(self, *flags: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*self._command, *flags],
            stdout=subprocess.PIPE,
            text=True,
            env=clean_environment(),
        )

    def quiet_channel(self, seconds: float) -> subprocess.Popen[str]:
        """Ten viewers of another run, 100 messages a second."""
        return self.start(
            *("--run=quiet", "--viewers=10", "--rate=100", f"--seconds={seconds}")
        )


def report_of(load: subprocess.Popen[str]) -> dict[str, Any]:
    said, _ = load.communicate(timeout=240)
    if load.returncode != 0:
        raise RuntimeError(f"the load generator ended with {load.returncode}")
    report: dict[str, Any] = json.loads(said)
    return report


def publish(redis_port: int, messages: int) -> None:
    with socket.create_connection(("127.0.0.1", redis_port)) as connection:
        connection.sendall(resp("PUBLISH", HERD_CHANNEL, LINE) * messages)
        answers = b""
        while answers.count(b"\r\n") < messages:
            answers += connection.recv(1 << 16)


def fill(load: Load, redis_port: int) -> None:
    """The channel's tail is full afterwards, and outlives its viewer."""
    first = load.start("--viewers=1", "--query=?tail=0", "--await-replay", "--seconds=1")
    publish_when_watched(redis_port)
    report_of(first)


def publish_when_watched(redis_port: int) -> None:
    with socket.create_connection(("127.0.0.1", redis_port)) as connection:
        while True:
            connection.sendall(resp("PUBSUB", "NUMSUB", HERD_CHANNEL))
            if b":1\r\n" in connection.recv(4096):
                break
    publish(redis_port, TAIL)


def round_of(load: Load, chosen: argparse.Namespace) -> tuple[float, float, float]:
    """Seconds until the herd is live; p99 in ms of the quiet channel, without
    the herd and beside it."""
    alone = report_of(load.quiet_channel(chosen.seconds))
    beside = load.quiet_channel(chosen.seconds)
    herd = load.start(
        f"--viewers={chosen.pages}",
        f"--concurrency={chosen.pages}",
        f"--query=?tail={TAIL}",
        "--await-replay",
        "--seconds=0.1",
    )
    live = report_of(herd)["connect_seconds"]
    figures = (alone, report_of(beside))
    quiet, busy = (one["latency_us"]["p99"] / 1000 for one in figures)
    return live, quiet, busy


def main() -> None:
    chosen = arguments()
    end_on_signals()
    # The defaults of the two that the benchmark sets.
    defaults = (("STATUS_MAX_CONNECTIONS", ""), ("STATUS_ACCEPT_RATE", ""))
    settings = (*defaults, ("STATUS_TAIL_LINGER", "1h"))
    server = Status2("status2", chosen.build_dir / "status2", "auto", settings=settings)
    with tempfile.TemporaryDirectory(prefix="status2-herd-") as name:
        folder, redis_port, port = Path(name), free_port(), free_port()
        with start_redis(redis_port, folder), server.start(
            port, redis_port, folder
        ) as broker:
            broker.wait_for_port(port)
            load = Load(chosen.build_dir, port, redis_port, broker.pid)
            fill(load, redis_port)
            rows = []
            print("| round | all live, s | p99 alone, ms | beside the herd, ms |")
            print("| --- | --- | --- | --- |")
            for number in range(chosen.rounds):
                live, quiet, busy = round_of(load, chosen)
                rows.append((live, busy / quiet))
                print(f"| {number + 1} | {live:.2f} | {quiet:.2f} | {busy:.2f} |")
    live = statistics.median(row[0] for row in rows)
    ratio = statistics.median(row[1] for row in rows)
    print(f"\n{chosen.pages:,} pages, {TAIL} messages each: live after {live:.2f} s")
    print(f"p99 of the quiet channel: {ratio:.2f} × that without the herd")


if __name__ == "__main__":
    main()
