"""Numbers over time, and windows in which a fault was in place."""

from __future__ import annotations

import gzip
import json
import math
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

Point = tuple[float, float]  # time.time(), value


@dataclass
class Window:
    """A span of time that the plots shade. Open while `end` is None."""

    name: str
    begin: float
    end: float | None = None


def percentile(values: Sequence[float], share: float) -> float:
    """By nearest rank, as k6 and the C++ generator do; NaN of nothing."""
    if not values:
        return math.nan
    ordered = sorted(values)
    rank = math.ceil(share / 100 * len(ordered))
    return ordered[max(rank, 1) - 1]


def growth(points: Sequence[Point]) -> list[Point]:
    """A counter's rate a second. A fall is a restart and counts from zero."""
    rates = []
    for (t0, v0), (t1, v1) in zip(points, points[1:]):
        if t1 > t0:
            rates.append((t1, (v1 - v0 if v1 >= v0 else v1) / (t1 - t0)))
    return rates


class SeriesStore:
    """All series of a run by name. Thread: any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._points: dict[str, list[Point]] = {}

    def add(self, name: str, value: float, at: float | None = None) -> None:
        with self._lock:
            moment = time.time() if at is None else at
            self._points.setdefault(name, []).append((moment, value))

    def get(self, name: str) -> list[Point]:
        with self._lock:
            return list(self._points.get(name, ()))

    def names(self, start: str = "") -> list[str]:
        with self._lock:
            return sorted(n for n in self._points if n.startswith(start))

    def values(
        self, name: str, begin: float = -math.inf, end: float = math.inf
    ) -> list[float]:
        return [v for t, v in self.get(name) if begin <= t <= end]

    def last(self, name: str) -> float:
        """NaN if there is none yet, which no tolerance holds."""
        points = self.get(name)
        return points[-1][1] if points else math.nan

    def save(self, file: Path) -> None:
        """As gzipped JSON: {name: [[unix seconds, value], …]}."""
        with self._lock:
            data = {
                name: [[round(t, 3), v] for t, v in points if math.isfinite(v)]
                for name, points in sorted(self._points.items())
            }
        with gzip.open(file, "wt", encoding="utf-8") as out:
            json.dump(data, out)
