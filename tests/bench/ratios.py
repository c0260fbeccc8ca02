"""Ratios between runs of the same round, and what several rounds say. Pure."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from record import Record, Run

YARDSTICK = "floor"
CPU = ("server", "cpu_us_per_delivery")
Path = tuple[str, ...]


@dataclass(frozen=True)
class Spread:
    """Several rounds' values as one: the median, and how far they lie apart."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    @property
    def half_range(self) -> float:
        return (max(self.values) - min(self.values)) / 2


def figures(runs: list[Run], path: Path) -> list[float]:
    found = (run.figure(path) for run in runs)
    return [value for value in found if value is not None]


def ratios(runs: list[Run], base: list[Run], path: Path) -> list[float]:
    """Each run's figure over that of the base in the same round."""
    of_round = {run.round: run.figure(path) for run in base}
    pairs = ((run.figure(path), of_round.get(run.round)) for run in runs)
    return [own / other for own, other in pairs if own is not None and other]


def over_yardstick(record: Record, work: str, server: str, path: Path = CPU) -> list[float]:
    base = record.valid(work, YARDSTICK)
    return ratios(record.valid(work, server), base, path)
