"""Turns what the runs of a drill measured into a verdict with reasons."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

from .engine import Run
from .model import Drill, Level, Measurement, Over
from .verdict import Verdict, worst


@dataclass
class LevelResult:
    """`state` is held, missed or unknown; `why` explains the last two."""

    name: str
    bound: str
    value: float
    samples: int
    unit: str
    state: str
    why: str = ""


@dataclass
class DrillResult:
    """A drill and all its repeats."""

    drill: Drill
    runs: list[Run]
    verdict: Verdict = Verdict.PASS
    reasons: list[str] = field(default_factory=list)
    levels: list[LevelResult] = field(default_factory=list)


def judge(drill: Drill, runs: list[Run]) -> DrillResult:
    result = DrillResult(drill, runs)
    found: list[Verdict] = []

    def say(verdict: Verdict, reason: str) -> None:
        found.append(verdict)
        result.reasons.append(reason)

    for run in runs:
        for fault in run.not_undone:
            say(Verdict.ROLLBACK_INCOMPLETE, f"not undone: {fault}")
        if run.failure:
            say(Verdict.COULD_NOT_RUN, run.failure)
        for probe in run.probes:
            if not probe.held and probe.when != "before":
                value = probe.error or f"{probe.value:g}"
                say(
                    Verdict.MISSED,
                    f"{probe.name}, {probe.when}: {value}, not {probe.tolerance}",
                )
        for spoilt in run.bottlenecks:
            say(Verdict.UNKNOWN, f"a load generator was the bottleneck: {spoilt.why}")
    if all(not run.failure for run in runs):
        result.levels = [judge_level(level, runs) for level in runs[0].levels]
        for level in result.levels:
            if level.state != "held":
                verdict = Verdict[level.state.upper()]
                say(verdict, f"{level.name}: {level.why}")
        if not result.levels:
            say(Verdict.UNKNOWN, "the drill has no service level")
    result.verdict = worst(found)
    return result


def judge_level(level: Level, runs: Sequence[Run]) -> LevelResult:
    measured = [run.measurements.get(level.value) for run in runs]
    known = [m for m in measured if m is not None and m.value is not None]
    value = _chosen(level, known)
    samples = min((m.samples for m in known), default=0)
    result = LevelResult(
        level.name, str(level.bound), value, samples, level.unit, "held"
    )
    if len(known) < len(runs) or math.isnan(value):
        result.state, result.why = "unknown", "not measured"
    elif samples < level.minimum:
        result.state = "unknown"
        result.why = f"{samples} samples, {level.minimum} are needed"
    elif level.needs_generator and _is_spoilt(level, runs):
        result.state, result.why = "unknown", "its load generator was the bottleneck"
    elif not level.bound.holds(value):
        result.state, result.why = "missed", f"{value:g}, not {level.bound}"
    return result


def _is_spoilt(level: Level, runs: Sequence[Run]) -> bool:
    return any(
        level.value.startswith(b.spoils) for run in runs for b in run.bottlenecks
    )


def _chosen(level: Level, known: Sequence[Measurement]) -> float:
    """The median, or the worst: the first that does not hold the bound, else
    the nearest to it."""
    values = [m.value for m in known if m.value is not None]
    if not values:
        return math.nan
    if level.over is Over.MEDIAN:
        return statistics.median(values)
    for value in values:
        if not level.bound.holds(value):
            return value
    return min(values, key=lambda value: abs(value - level.bound.bound))
