"""How soon delivery resumed after an outage, the targets, and the file. Pure.

A figure of a round is a time in ms or a number. The targets are absolute: the
rounds' spread excuses nothing.
"""

from __future__ import annotations

import json
import math
import statistics
from dataclasses import asdict, dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from targets import Verdict

FORMAT = 1
KIND = "resume"
NEVER = math.inf  # the line stayed silent until the deadline


@dataclass(frozen=True)
class Round:
    """One outage. None: not measured in this scenario or on this machine."""

    resume_ms: float  # from Redis's first accepted PUBLISH to the first delivery
    missed: int  # messages that Redis accepted and no viewer received
    absent_ms: float  # between the last and the first accepted PUBLISH
    connects: int | None = None  # of the broker, in the busiest second
    attempt_ms: float | None = None  # as resume_ms, from the attempt that served
    live_ms: float | None = None  # as resume_ms, to the last channel's SUBSCRIBE


@dataclass(frozen=True)
class Measured:
    """The rounds of a scenario."""

    name: str
    title: str
    rounds: list[Round]

    def values(self, figure: str) -> list[float]:
        found = (getattr(each, figure) for each in self.rounds)
        return [value for value in found if value is not None]


@dataclass(frozen=True)
class ResumeRecord:
    """All scenarios of one invocation and the machine they ran on."""

    time: str  # UTC
    machine: dict[str, Any]
    scenarios: list[Measured] = field(default_factory=list)


class Of(Enum):
    """Which of the rounds' values a bound is for."""

    MEDIAN = "median"
    WORST = "worst"


@dataclass(frozen=True)
class Target:
    scenario: str
    title: str
    figure: str  # of Round
    of: Of
    bound: float
    unit: str


@dataclass(frozen=True)
class Outcome:
    target: Target
    rounds: int
    seen: float | None
    verdict: Verdict


def resume_targets(scenario: str, figure: str = "resume_ms") -> list[Target]:
    title = {"resume_ms": "resume", "attempt_ms": "resume from the attempt"}[figure]
    return [
        Target(scenario, f"{title}, {of.value}", figure, of, bound, "ms")
        for of, bound in ((Of.MEDIAN, 100), (Of.WORST, 200))
    ]


def connect_target(scenario: str, bound: float = 30) -> Target:
    title = "connects in a second, worst"
    return Target(scenario, title, "connects", Of.WORST, bound, "")


TARGETS = (
    *resume_targets("gone-0.3"),
    *resume_targets("gone-5"),
    connect_target("gone-5"),
    *resume_targets("gone-60"),
    connect_target("gone-60"),
    *resume_targets("killed"),
    *resume_targets("docker"),
    *resume_targets("moved"),
    connect_target("moved"),
    *resume_targets("closing"),
    connect_target("closing"),
    *resume_targets("password", "attempt_ms"),
    # No knocking: the link's first attempt and its next one, and the canary's.
    connect_target("password", 3),
    Target("channels", "last channel live, worst", "live_ms", Of.WORST, 1000, "ms"),
)


def statistic(values: list[float], of: Of) -> float | None:
    if not values:
        return None
    return max(values) if of is Of.WORST else statistics.median(values)


def judge(seen: float | None, bound: float) -> Verdict:
    if seen is None:
        return Verdict.UNKNOWN
    return Verdict.MET if seen <= bound else Verdict.MISSED


def outcomes(record: ResumeRecord) -> list[Outcome]:
    """Of the targets whose scenario was run."""
    ran = {measured.name: measured for measured in record.scenarios}
    found: list[Outcome] = []
    for target in TARGETS:
        if target.scenario not in ran:
            continue
        values = ran[target.scenario].values(target.figure)
        seen = statistic(values, target.of)
        found.append(Outcome(target, len(values), seen, judge(seen, target.bound)))
    return found


def silent(record: ResumeRecord) -> list[str]:
    """Titles of the scenarios after which no line came before the deadline."""
    return [
        measured.title
        for measured in record.scenarios
        if NEVER in measured.values("resume_ms")
    ]


def busiest_second(samples: list[tuple[float, int]]) -> int:
    """The largest growth of a counter within one second; `samples` are pairs
    of a time in seconds and the counter's value, in order.
    """
    most = first = 0
    for now, count in samples:
        while now - samples[first][0] > 1:
            first += 1
        most = max(most, count - samples[first][1])
    return most


def save(record: ResumeRecord, path: Path) -> None:
    whole = {"format": FORMAT, "kind": KIND} | asdict(record)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(whole, indent=1) + "\n")


def is_resume(path: Path) -> bool:
    """Whether the file says that it holds such a record."""
    whole = json.loads(path.read_text())
    return isinstance(whole, dict) and whole.get("kind") == KIND


def load(path: Path) -> ResumeRecord:
    """Errors: ValueError if the file is not one of ours."""
    whole = json.loads(path.read_text())
    if not is_resume(path) or whole.get("format") != FORMAT:
        raise ValueError(f"{path} is not a resume record of format {FORMAT}")
    scenarios = [
        Measured(each["name"], each["title"], [Round(**r) for r in each["rounds"]])
        for each in whole["scenarios"]
    ]
    return ResumeRecord(whole["time"], whole["machine"], scenarios)
