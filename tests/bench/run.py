#!/usr/bin/env python3
"""Measures status2 beside a bare epoll loop; README.md says how to read it."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from processes import BenchError, Child, end_on_signals, free_port
from servers import Server, chosen_servers, clean_environment
from summary import Run, faults_of, table
from works import ALL, QUICK, WORKS, Work

ROOT = Path(__file__).resolve().parents[2]
LOAD_DEADLINE = 240.0
ATTEMPTS = 2  # a run that the generator spoilt is tried once more


@dataclass(frozen=True)
class Options:
    """What all runs share."""

    load: Path
    seconds: float
    rounds: int


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--quick", action="store_true", help=f"works {', '.join(QUICK)} (default)"
    )
    which.add_argument("--all", action="store_true", help="every work")
    which.add_argument(
        "--work", action="append", choices=ALL, help="this work; may be repeated"
    )
    which.add_argument(
        "--smoke", action="store_true", help="one short run each: does it work?"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0, help="a window")
    parser.add_argument("--nchan", action="store_true", help="nginx + nchan too")
    parser.add_argument(
        "--build-dir", type=Path, default=ROOT / "build" / "release"
    )
    chosen = parser.parse_args()
    if chosen.rounds < 1 or chosen.seconds <= 0:
        parser.error("--rounds and --seconds must be above 0")
    return chosen


def works_of(chosen: argparse.Namespace) -> list[Work]:
    names = chosen.work or (ALL if chosen.all else QUICK)
    return [WORKS[name] for name in (("smoke",) if chosen.smoke else names)]


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
        published_at = port if server.load_flags() else redis_port
        command = [str(options.load), "--port", str(port)]
        command += ["--redis-port", str(published_at), *server.load_flags()]
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
) -> Run:
    for attempt in range(ATTEMPTS):
        result = measure(server, work, redis_port, folder, options)
        run = Run(number, server.name, work, result)
        if not run.void:
            break
        said = result["generator"]["bottleneck"]
        print(f"  void: the generator was the bottleneck ({said})", file=sys.stderr)
    return run


def run_all(servers: list[Server], works: list[Work], options: Options) -> list[Run]:
    """Round by round, the servers in turn within each work."""
    runs: list[Run] = []
    with tempfile.TemporaryDirectory(prefix="status2-bench-") as name:
        folder, redis_port = Path(name), free_port()
        with start_redis(redis_port, folder):
            for number in range(options.rounds):
                for work in works:
                    for server in servers:
                        print(
                            f"round {number + 1}: {work.title}: {server.name}",
                            file=sys.stderr,
                        )
                        runs.append(
                            measure_soundly(
                                number, server, work, redis_port, folder, options
                            )
                        )
    return runs


def machine() -> dict[str, Any]:
    return {
        "kernel": platform.release(),
        "architecture": platform.machine(),
        "cpus": os.cpu_count(),
        "load_average": os.getloadavg()[0],
    }


def save(runs: list[Run], before: dict[str, Any]) -> Path:
    now = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    path = ROOT / "results" / "bench" / f"{now}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    record = {
        "time": now,
        "machine": before,
        "runs": [
            {
                "round": run.round,
                "server": run.server,
                "work": run.work.name,
                "void": run.void,
                "result": run.result,
            }
            for run in runs
        ],
    }
    path.write_text(json.dumps(record, indent=1) + "\n")
    return path


def main() -> int:
    chosen = arguments()
    end_on_signals()
    before = machine()
    options = Options(
        chosen.build_dir / "status2_load",
        0.5 if chosen.smoke else chosen.seconds,
        1 if chosen.smoke else chosen.rounds,
    )
    try:
        servers = chosen_servers(chosen.build_dir, chosen.nchan)
        runs = run_all(servers, works_of(chosen), options)
    except (BenchError, OSError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    print(table(runs))
    if not chosen.smoke:
        print(f"saved {save(runs, before)}", file=sys.stderr)
    faults = {name: count for name, count in faults_of(runs).items() if count}
    if faults:
        print(f"bench: deliveries were at fault: {faults}", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
