"""What the broker must reach, and whether it did. Pure.

A row's value is worked out a round: the figure itself, or its ratio to the same
figure of a base in the same round. The verdict is about the median of the
rounds; what the bound is missed by is held against half their range.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from ratios import CPU, YARDSTICK, Path, Spread, figures, ratios
from record import Record
from works import ALONE, BESIDE

EPOLL = "status2/epoll"
IO_URING = "status2/io_uring"


class Base(Enum):
    """What a figure is divided by."""

    NOTHING = ""
    FLOOR = "× floor"
    ALONE = "× alone"
    NO_TAIL = "× without a tail"
    NGINX = "× nginx in front"


class Verdict(Enum):
    MET = "met"
    WITHIN = "within the spread"
    MISSED = "missed"
    UNKNOWN = "no valid round"


@dataclass(frozen=True)
class Target:
    work: str
    title: str
    figure: Path
    bounds: dict[str, float]  # by server
    base: Base = Base.FLOOR
    unit: str = ""  # of a figure without a base
    at_least: bool = False


@dataclass(frozen=True)
class Outcome:
    target: Target
    server: str
    bound: float
    seen: Spread | None
    verdict: Verdict


def both(epoll: float, io_uring: float) -> dict[str, float]:
    return {EPOLL: epoll, IO_URING: io_uring}


DELIVERY = "CPU a delivery"
P99 = ("latency_us", "p99")

# Of `./dev bench --replay`: beside a broker that keeps no messages.
NO_TAIL = "status2/no-tail"
REPLAY = {EPOLL: 1.05, "status2/ids": 1.15, "status2/events": 1.15}

# Of `./dev bench --tls`: beside nginx and the broker behind it, added up.
NGINX = "nginx+status2"
TLS = {"status2/tls": 0.9}

TARGETS = (
    Target("300", DELIVERY, CPU, both(1.0, 0.85)),
    Target("1000", DELIVERY, CPU, both(0.9, 0.8)),
    Target("saturated", DELIVERY, CPU, both(0.40, 0.32)),
    Target(
        "saturated",
        "deliveries a second",
        ("deliveries_per_second",),
        both(2.5, 3.0),
        at_least=True,
    ),
    Target("channels", DELIVERY, CPU, both(0.8, 0.65)),
    Target("5000", DELIVERY, CPU, both(0.95, 0.92)),
    Target("300", "p99 latency", P99, both(1.1, 1.1)),
    Target(
        "5000",
        "CPU a connection opened",
        ("server", "cpu_us_per_connection"),
        both(1.6, 1.6),
    ),
    Target(
        "idle",
        "memory a connection",
        ("server", "kib_per_connection"),
        both(5.0, 5.0),
        Base.NOTHING,
        "KiB",
    ),
    Target(
        "idle",
        "CPU of a core",
        ("server", "cpu_percent"),
        both(10, 10),
        Base.NOTHING,
        "%",
    ),
    *(
        Target(work, DELIVERY, CPU, REPLAY, Base.NO_TAIL)
        for work in ("1000", "channels")
    ),
    *(Target(work, DELIVERY, CPU, TLS, Base.NGINX) for work in ("300", "1000")),
    Target(BESIDE.name, "p99 of the quiet channel", P99, both(2.0, 2.0), Base.ALONE),
)


def judge(values: list[float], bound: float, at_least: bool) -> Verdict:
    if not values:
        return Verdict.UNKNOWN
    seen = Spread(tuple(values))
    missed_by = bound - seen.median if at_least else seen.median - bound
    if missed_by <= 0:
        return Verdict.MET
    return Verdict.WITHIN if missed_by <= seen.half_range else Verdict.MISSED


def values_of(target: Target, server: str, record: Record) -> list[float]:
    runs = record.valid(target.work, server)
    if target.base is Base.NOTHING:
        return figures(runs, target.figure)
    if target.base is Base.ALONE:
        base = record.valid(ALONE.name, server)
    elif target.base is Base.NO_TAIL:
        base = record.valid(target.work, NO_TAIL)
    elif target.base is Base.NGINX:
        base = record.valid(target.work, NGINX)
    else:
        base = record.valid(target.work, YARDSTICK)
    return ratios(runs, base, target.figure)


def outcomes(record: Record) -> list[Outcome]:
    """Of the targets whose work and server were run."""
    ran = {(run.work.name, run.server) for run in record.runs}
    bases = {
        Base.FLOOR: YARDSTICK,
        Base.NO_TAIL: NO_TAIL,
        Base.NGINX: NGINX,
    }
    found: list[Outcome] = []
    for target in TARGETS:
        for server, bound in target.bounds.items():
            base = bases.get(target.base, server)
            if not {(target.work, server), (target.work, base)} <= ran:
                continue
            values = values_of(target, server, record)
            found.append(
                Outcome(
                    target,
                    server,
                    bound,
                    Spread(tuple(values)) if values else None,
                    judge(values, bound, target.at_least),
                )
            )
    return found
