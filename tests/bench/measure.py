"""Runs the works on the servers and collects what the load generator says."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from processes import BenchError, Child, free_port
from record import Run
from servers import Server, clean_environment
from works import Work

LOAD_DEADLINE = 240.0
ATTEMPTS = 3  # a run that the generator spoilt is tried again


@dataclass(frozen=True)
class Options:
    """What all runs share."""

    load: Path
    seconds: float
    rounds: int


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def start_redis(port: int, folder: Path) -> Child:
    flags = ["--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    flags += ["--appendonly", "no", "--dir", str(folder)]
    redis = Child("redis", ["redis-server", *flags], folder, clean_environment())
    try:
        redis.wait_for_port(port)
    except BaseException:
        redis.stop()
        raise
    return redis


def measure(
    server: Server, work: Work, redis_port: int, folder: Path, options: Options
) -> dict[str, Any]:
    """One run: a fresh server, one load, the generator's report."""
    port = free_port()
    with server.start(port, redis_port, folder) as child:
        server.wait_until_ready(child, port)
        flags = server.load_flags()
        published_at = port if "--http-target" in flags else redis_port
        command = [str(options.load), "--port", str(port)]
        command += ["--redis-port", str(published_at), *flags]
        command += [f"--pid={pid}" for pid in child.pids()]
        command += work.flags(options.seconds)
        with Child("load", command, folder, clean_environment()) as load:
            try:
                code = load.process.wait(LOAD_DEADLINE)
            except subprocess.TimeoutExpired:
                raise BenchError(f"the load on {server.name} hangs") from None
            if code != 0:
                raise BenchError(
                    f"{work.title} on {server.name}: {load.tail()}\n{child.tail()}"
                )
            report: dict[str, Any] = json.loads(load.said.read_text())
            return report


def measure_soundly(
    number: int,
    server: Server,
    work: Work,
    redis_port: int,
    folder: Path,
    options: Options,
) -> list[Run]:
    """The runs until one is valid, at most ATTEMPTS."""
    runs: list[Run] = []
    while len(runs) < ATTEMPTS and (not runs or runs[-1].void):
        result = measure(server, work, redis_port, folder, options)
        runs.append(Run(number, server.name, work, result))
        if runs[-1].void:
            by = result["generator"]
            say(
                f"  void: {by['bottleneck']} of the generator (it used"
                f" {by['cpu_percent']:.0f} % of a core and waited for one"
                f" {by['waited_percent']:.0f} %)"
            )
    return runs


def run_all(servers: list[Server], works: list[Work], options: Options) -> list[Run]:
    """Round by round, the servers in turn within each work."""
    runs: list[Run] = []
    with tempfile.TemporaryDirectory(prefix="status2-bench-") as name:
        folder, redis_port = Path(name), free_port()
        with start_redis(redis_port, folder):
            for number in range(options.rounds):
                for work in works:
                    for server in servers:
                        say(f"round {number + 1}: {work.title}: {server.name}")
                        runs += measure_soundly(
                            number, server, work, redis_port, folder, options
                        )
    return runs
