#!/usr/bin/python3
"""Attacks a broker beside ten well-behaved viewers and judges what they feel.

    run.py BINARY [--quick] [NAME ...]

Runs in a network namespace of its own. Exit code 0: every attack stayed within
its bounds.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "bench"))

import attacks  # noqa: E402
from drill_parts import connect  # noqa: E402
from machine import own_network  # noqa: E402
from processes import Child, end_on_signals  # noqa: E402
from resume_line import Viewer, missed  # noqa: E402
from resume_stage import Setting, Stage, wait_for  # noqa: E402
from servers import clean_environment  # noqa: E402

VIEWERS = 10
EVERY = 0.01  # seconds between two messages
QUIET_MESSAGES = 100  # that each viewer has before the attack
LOOK_EVERY = 0.2  # seconds between two looks at the broker
MOST_MEMORY_MB = 64  # above the quiet value
MOST_WAIT_S = 2.0  # of a new viewer
SETTING = Setting(
    every=EVERY,
    variables={
        "STATUS_METRICS_ENABLED": "true",
        "STATUS_ALLOWED_ORIGINS": "*.*.*.example.com",
    },
)


@dataclass
class Figures:
    alive: bool = True
    lost: int = 0
    closed: int = 0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    new_viewer_s: float = 0.0
    memory_mb: float = 0.0
    health_checks: int = 0
    failed_checks: int = 0

    def text(self) -> str:
        return (
            f"lost {self.lost}, closed {self.closed}, p50 {self.p50_ms:.1f} ms, "
            f"p99 {self.p99_ms:.1f} ms, new viewer {self.new_viewer_s:.1f} s, "
            f"memory {self.memory_mb:.1f} MB, health checks failed "
            f"{self.failed_checks} of {self.health_checks}"
        )


def memory_mb(broker: Child) -> float:
    pages = Path(f"/proc/{broker.pid}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGESIZE") / 1e6


def healthy(binary: str, stage: Stage) -> bool:
    address = f"127.0.0.1:{stage.broker_port}"
    environment = clean_environment() | {"STATUS_LISTEN_ADDR": address}
    environment |= stage.own_tls
    command = [binary, "healthcheck"]
    done = subprocess.run(command, env=environment, check=False, capture_output=True)
    return done.returncode == 0


def new_viewer_wait(stage: Stage) -> float:
    start = time.monotonic()
    try:
        connection, _ = connect("127.0.0.1", stage.broker_port, "/run:new", stage.tls)
    except OSError:
        return float("inf")
    connection.close()
    return time.monotonic() - start


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[int(share * (len(values) - 1))] if values else 0.0


def judge_viewers(
    stage: Stage, viewers: list[Viewer], begin: int, figures: Figures
) -> None:
    """Looks at the messages from number `begin` on."""
    accepted = list(stage.producer.accepted)
    last = accepted[-1].number
    for viewer in viewers:
        wait_for(lambda v=viewer: bool(v.closed) or v.arrived[-1].number >= last)
    figures.closed = sum(bool(viewer.closed) for viewer in viewers)
    latencies = []
    for viewer in viewers:
        figures.lost += missed(accepted, viewer.arrived, begin, last)
        latencies += [
            max(0.0, m.at - accepted[m.number].at)
            for m in viewer.arrived
            if begin < m.number <= last
        ]
    figures.p50_ms = 1e3 * percentile(latencies, 0.5)
    figures.p99_ms = 1e3 * percentile(latencies, 0.99)


def watch(
    stage: Stage, quiet_mb: float, binary: str, seconds: float, figures: Figures
) -> None:
    """Looks at the broker while it is attacked."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and stage.broker.process.poll() is None:
        figures.memory_mb = max(figures.memory_mb, memory_mb(stage.broker) - quiet_mb)
        figures.health_checks += 1
        figures.failed_checks += not healthy(binary, stage)
        figures.new_viewer_s = max(figures.new_viewer_s, new_viewer_wait(stage))
        time.sleep(LOOK_EVERY)
    figures.alive = stage.broker.process.poll() is None


def attack(name: str, size: int, seconds: float, binary: str) -> Figures:
    figures = Figures()
    variables = SETTING.variables | attacks.ATTACKS[name].variables
    tls = attacks.ATTACKS[name].tls
    setting = replace(SETTING, variables=variables, tls=tls)
    with ExitStack() as ends:
        folder = Path(ends.enter_context(tempfile.TemporaryDirectory()))
        stage = ends.enter_context(Stage(Path(binary), folder, setting))
        viewers = [stage.viewer]
        for _ in range(VIEWERS - 1):
            viewers.append(Viewer(stage.broker_port, stage.tls))
            ends.callback(viewers[-1].stop)
        if not wait_for(lambda: all(len(v.arrived) > QUIET_MESSAGES for v in viewers)):
            raise SystemExit("the viewers get no messages")
        begin = max(viewer.arrived[-1].number for viewer in viewers)
        quiet_mb = memory_mb(stage.broker)
        command = [sys.executable, attacks.__file__, name]
        command += [str(stage.broker_port), str(size), str(stage.redis.path)]
        with Child("attack", command, folder, clean_environment()) as attacker:
            watch(stage, quiet_mb, binary, seconds, figures)
            if attacker.process.poll() is not None:
                raise SystemExit(f"the attack ended by itself: {attacker.tail()}")
        judge_viewers(stage, viewers, begin, figures)
    return figures


def breaches(
    figures: Figures, which: attacks.Attack, chosen: argparse.Namespace
) -> list[str]:
    found = []
    if not figures.alive:
        found.append("the broker ended")
    if figures.lost:
        found.append(f"lost: {figures.lost}")
    if figures.closed:
        found.append(f"closed: {figures.closed}")
    if figures.memory_mb > chosen.most_memory + which.more_memory_mb:
        found.append("too much memory")
    if chosen.untimed:
        return found
    if figures.failed_checks:
        found.append("the health check failed")
    if figures.new_viewer_s > MOST_WAIT_S:
        found.append("a new viewer waited too long")
    if figures.p99_ms > which.most_p99_ms:
        found.append("the viewers waited too long")
    return found


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("binary")
    parser.add_argument(
        "--quick", action="store_true", help="fewer connections, 3 s each"
    )
    parser.add_argument(
        "--untimed",
        action="store_true",
        help="judge nothing that depends on the speed of the machine",
    )
    parser.add_argument(
        "--most-memory",
        type=float,
        default=MOST_MEMORY_MB,
        metavar="MB",
        help="that an attack may add",
    )
    parser.add_argument("names", nargs="*", metavar="NAME")
    chosen = parser.parse_intermixed_args()
    unknown = set(chosen.names) - set(attacks.ATTACKS)
    if unknown:
        parser.error("no such attack: " + ", ".join(sorted(unknown)))
    return chosen


def main() -> int:
    chosen = arguments()
    end_on_signals()
    if not own_network() and not own_network(own_users=True):
        raise SystemExit("attacks need a network namespace of their own")
    bad = 0
    for name in chosen.names or attacks.ATTACKS:
        which = attacks.ATTACKS[name]
        size = which.quick_size if chosen.quick else which.size
        figures = attack(name, size, 3 if chosen.quick else 10, chosen.binary)
        found = breaches(figures, which, chosen)
        bad += bool(found)
        print(f"{'FAIL' if found else 'ok  '} {name} ({which.tries}): {figures.text()}")
        for one in found:
            print(f"     {one}", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
