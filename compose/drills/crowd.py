"""Runs status2_crowd: the project's own clients, which check all they get."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from . import stack
from .context import Context
from .errors import CouldNotRun
from .machine import ROOT
from .model import Better, Level
from .process import Child
from .series import SeriesStore
from .tolerance import within

BINARY = ROOT / "build/release/status2_crowd"
# Above this share of a core its latencies are its own.
BUSY_PERCENT = 80.0
END_SECONDS = 60.0  # connecting before, judging afterwards


@dataclass(frozen=True)
class Work:
    viewers: int
    rate: float  # messages a second over all channels
    seconds: float
    channels: int = 1
    slow: int = 0  # of the viewers, stop reading
    come_back_ms: int = 1500  # as the first wait of the known browser client
    host: str = stack.STATUS
    pairs: bool = False  # each viewer holds two connections


class Crowd:
    """A crowd under way; also a `samplers.Source` of its lines."""

    def __init__(self, context: Context, work: Work) -> None:
        if not BINARY.exists():
            raise CouldNotRun(f"there is no {BINARY}; `./dev drill` builds it")
        self._context, self._work, self._read = context, work, 0
        command = [
            str(BINARY), "--host", work.host, "--port", "9002",
            "--redis-url", stack.redis_url(),
            "--redis-password-file", str(stack.password_file()),
            "--viewers", str(work.viewers), "--rate", f"{work.rate:g}",
            "--seconds", f"{work.seconds:g}", "--channels", str(work.channels),
            "--slow", str(work.slow), "--come-back-ms", str(work.come_back_ms),
        ]  # fmt: skip
        if work.pairs:
            command.append("--pairs")
        self.child: Child = context.start("crowd", command)
        context.watch_process("crowd", self.child)
        context.sample(self)

    def wait_until_delivered(self, seconds: float = 60.0) -> None:
        """Returns once every viewer is there and messages arrive."""

        def delivered() -> bool:
            if not self.child.running():
                raise CouldNotRun(f"status2_crowd ended: {self.child.tail()}")
            return self.received() > 0

        self._context.eventually(delivered, seconds, "all viewers get messages")

    def open(self) -> float:
        return self._context.series.last("clients_open")

    def received(self) -> float:
        return self._context.series.last("clients_received_total")

    def drop_all(self) -> None:
        """Cuts every connection at once, without a Close."""
        os.kill(self.child.pid, signal.SIGUSR1)

    def sample(self, store: SeriesStore) -> None:
        with self.child.log.open("rb") as log:
            log.seek(self._read)
            new = log.read()
        whole = new[: new.rfind(b"\n") + 1]
        for line in whole.splitlines():
            if line.startswith(b'{"t":'):
                self._add(store, json.loads(line))
        self._read += len(whole)

    @staticmethod
    def _add(store: SeriesStore, seen: dict[str, Any]) -> None:
        at = seen["t"]
        store.add("clients_open", seen["live"], at)
        store.add("clients_received_total", seen["received"], at)
        store.add("clients_opened_total", seen["opened"], at)
        if seen["latency_ms"]["count"]:
            for share in ("p50", "p95", "p99"):
                store.add(f"latency_{share}_ms", seen["latency_ms"][share], at)

    def finish(self) -> dict[str, Any]:
        """Ends it now, and what it found."""
        if self.child.running():
            os.kill(self.child.pid, signal.SIGTERM)
        code = self.child.wait(END_SECONDS)
        if code != 0:
            raise CouldNotRun(f"status2_crowd ended with {code}: {self.child.tail()}")
        found: dict[str, Any] = json.loads(self.child.log.read_text().splitlines()[-1])
        if found["cpu_percent"] > BUSY_PERCENT:
            self._context.bottleneck(
                f"status2_crowd used {found['cpu_percent']:.0f} % of a core"
            )
        note(self._context, found)
        return found


def note(context: Context, found: dict[str, Any]) -> None:
    """The usual measurements of a crowd."""
    got = int(found["received"])
    for name in ("lost_untold", "duplicated", "reordered", "refused"):
        context.measured(name, found[name], "", got)
    context.measured("lost_told", found["lost_told"], "", got, better=Better.NEITHER)
    context.measured("closed", sum(found["closes"].values()), "", found["viewers"])
    context.measured(
        "away_at_end", found["viewers"] - found["live_at_end"], "", found["viewers"]
    )
    late = found["latency_ms"]
    for share in ("p50", "p95", "p99"):
        context.measured(
            f"latency_{share}", late[share] if late["count"] else None, "ms",
            int(late["count"]), noise=0.4, noise_floor=5.0,
        )  # fmt: skip
    context.measured(
        "crowd_cpu", found["cpu_percent"], "% of a core", better=Better.NEITHER
    )


def delivery_levels(minimum: int, closed: bool = False) -> list[Level]:
    """What holds in every drill. `closed`: connections may end in this one."""
    found = [
        Level("every loss was told by a gap frame", "lost_untold", within("== 0"),
              minimum, needs_generator=False),
        Level("nothing came twice", "duplicated", within("== 0"), minimum,
              needs_generator=False),
        Level("nothing came out of order", "reordered", within("== 0"), minimum,
              needs_generator=False),
        Level("everybody is there at the end", "away_at_end", within("== 0"),
              needs_generator=False),
    ]  # fmt: skip
    if not closed:
        found.append(Level("nobody was closed", "closed", within("== 0"),
                           needs_generator=False))  # fmt: skip
    return found


def nothing_lost(minimum: int) -> Level:
    return Level("nothing was lost", "lost_told", within("== 0"), minimum,
                 needs_generator=False)  # fmt: skip


def fast_enough(minimum: int, bound: float = 50) -> Level:
    return Level("latency", "latency_p95", within(f"<= {bound:g} ms"), minimum)


Levels = Sequence[Level]
