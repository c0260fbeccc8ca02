"""What the runs say together: medians, spreads and ratios as a table."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Any

from works import Work

YARDSTICK = "floor"
FAULTS = ("lost", "duplicated", "reordered", "closed", "unexpected")


@dataclass(frozen=True)
class Run:
    """One run of one server; `result` is what the load generator printed."""

    round: int
    server: str
    work: Work
    result: dict[str, Any]

    @property
    def void(self) -> bool:
        """The generator was the bottleneck: its figures say nothing."""
        return self.result["generator"]["bottleneck"] is not None

    def figure(self, *keys: str) -> float | None:
        value: Any = self.result
        for key in keys:
            value = None if value is None else value[key]
        return None if value is None else float(value)


def faults_of(runs: list[Run]) -> dict[str, int]:
    return {name: sum(run.result[name] for run in runs) for name in FAULTS}


def figures(runs: list[Run], *keys: str) -> list[float]:
    found = (run.figure(*keys) for run in runs)
    return [value for value in found if value is not None]


def median(values: list[float], digits: int = 1) -> str:
    return f"{statistics.median(values):.{digits}f}" if values else "–"


def with_spread(values: list[float], digits: int = 2) -> str:
    if not values:
        return "–"
    low, high = min(values), max(values)
    return f"{median(values, digits)} ({low:.{digits}f}–{high:.{digits}f})"


def ratios(runs: list[Run], yardstick: list[Run]) -> list[float]:
    """CPU a delivery over that of the yardstick in the same round."""
    key = ("server", "cpu_us_per_delivery")
    base = {run.round: run.figure(*key) for run in yardstick}
    pairs = ((run.figure(*key), base.get(run.round)) for run in runs)
    return [own / floor for own, floor in pairs if own and floor]


def row(server: str, runs: list[Run], yardstick: list[Run]) -> list[str]:
    valid = [run for run in runs if not run.void]
    sound_yardstick = [run for run in yardstick if not run.void]
    latency = " / ".join(
        median([us / 1000 for us in figures(valid, "latency_us", name)])
        for name in ("p50", "p95", "p99")
    )
    faults = faults_of(runs)
    return [
        server,
        f"{len(valid)} of {len(runs)}",
        with_spread(figures(valid, "server", "cpu_us_per_delivery")),
        median(ratios(valid, sound_yardstick), 2),
        median(figures(valid, "server", "cpu_percent")),
        latency,
        median(figures(valid, "deliveries_per_second"), 0),
        median(figures(valid, "server", "kib_per_connection")),
        median(figures(valid, "server", "cpu_us_per_connection")),
        " / ".join(str(faults[name]) for name in FAULTS[:3]),
    ]


HEADINGS = [
    "server",
    "valid runs",
    "CPU µs a delivery (spread)",
    "× floor",
    "CPU %",
    "p50 / p95 / p99 ms",
    "deliveries/s",
    "KiB a connection",
    "CPU µs to open one",
    "lost / twice / out of order",
]


def table(runs: list[Run]) -> str:
    """A Markdown table a work."""
    lines: list[str] = []
    for work in dict.fromkeys(run.work for run in runs):
        of_work = [run for run in runs if run.work == work]
        yardstick = [run for run in of_work if run.server == YARDSTICK]
        lines += [f"{work.title}:", ""]
        lines.append("| " + " | ".join(HEADINGS) + " |")
        lines.append("| --- " * len(HEADINGS) + "|")
        for server in dict.fromkeys(run.server for run in of_work):
            own = [run for run in of_work if run.server == server]
            lines.append("| " + " | ".join(row(server, own, yardstick)) + " |")
        lines.append("")
    return "\n".join(lines)
