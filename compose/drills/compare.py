"""Compares two reports, metric by metric, beside the noise."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import CouldNotRun
from .machine import IDENTITY
from .model import Better
from .verdict import Verdict


DEVIATIONS = 3.0  # standard deviations of repeats that are noise
TRIFLE = 0.25  # of the default noise: never a difference


@dataclass(frozen=True)
class Difference:
    """One metric of one drill. `noise` is what the difference must exceed."""

    drill: str
    metric: str
    unit: str
    before: float
    after: float
    noise: float
    basis: str  # what the noise was taken from
    state: str  # better, worse, same or not judged


@dataclass(frozen=True)
class Comparison:
    differences: list[Difference]
    notes: list[str]

    @property
    def verdict(self) -> Verdict:
        judged = [d for d in self.differences if d.state != "not judged"]
        if any(d.state == "worse" for d in judged):
            return Verdict.WORSE
        return Verdict.PASS if judged else Verdict.UNKNOWN


def load(folder: Path) -> dict[str, Any]:
    """Errors: CouldNotRun if there is no report in `folder`."""
    file = folder / "report.json" if folder.is_dir() else folder
    try:
        data = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise CouldNotRun(f"no report at {file}: {error}") from None
    if not isinstance(data, dict) or data.get("format") != 1:
        raise CouldNotRun(f"{file} is not a report that this version reads")
    return data


def obstacles(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Why figures of the two say nothing about the software."""
    found = [
        f"{key}: {before['machine'].get(key)} and {after['machine'].get(key)}"
        for key in IDENTITY
        if before["machine"].get(key) != after["machine"].get(key)
    ]
    if before["quick"] != after["quick"]:
        found.append("one is --quick, the other is not")
    return found


def _noise(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[float, str]:
    """What the repeats tell if there were any, else the default.

    A few repeats that agree by chance do not make a trifle a difference.
    """
    default = abs(old["median"]) * float(new["noise"])
    floor = float(new["noise_floor"])
    spreads = [
        DEVIATIONS * statistics.stdev(side["values"])
        for side in (old, new)
        if len(side["values"]) > 1
    ]
    if spreads:
        return max(*spreads, floor, default * TRIFLE), "repeats"
    return max(default, floor), "default"


def _difference(
    drill: str, metric: str, old: Mapping[str, Any], new: Mapping[str, Any]
) -> Difference:
    noise, basis = _noise(old, new)
    change = new["median"] - old["median"]
    better = Better(new["better"])
    if better is Better.NEITHER:
        state = "not judged"
    elif abs(change) <= noise:
        state = "same"
    else:
        state = "better" if (change < 0) == (better is Better.LOWER) else "worse"
    return Difference(
        drill, metric, new["unit"], old["median"], new["median"], noise, basis, state
    )


def compare(
    before: Mapping[str, Any], after: Mapping[str, Any], force: bool = False
) -> Comparison:
    """`after` is judged. Errors: CouldNotRun if they cannot be compared."""
    found = obstacles(before, after)
    if found and not force:
        raise CouldNotRun(
            "these reports cannot be compared (--force does it all the same): "
            + "; ".join(found)
        )
    notes = [f"forced although {text}" for text in found]
    differences = []
    for drill, new in after["drills"].items():
        old = before["drills"].get(drill)
        if old is None:
            notes.append(f"{drill}: not in the baseline")
            continue
        for metric, side in new["measurements"].items():
            other = old["measurements"].get(metric)
            if other is None or other["median"] is None or side["median"] is None:
                notes.append(f"{drill}, {metric}: measured on one side at most")
                continue
            differences.append(_difference(drill, metric, other, side))
        missing = sorted(set(old["measurements"]) - set(new["measurements"]))
        notes += [f"{drill}, {m}: only in the baseline" for m in missing]
    return Comparison(differences, notes)


def as_text(comparison: Comparison) -> str:
    """A table for the terminal."""
    rows = [("drill", "metric", "before", "after", "noise", "", "")]
    for d in comparison.differences:
        rows.append((
            d.drill, d.metric, f"{d.before:.4g} {d.unit}", f"{d.after:.4g} {d.unit}",
            f"± {d.noise:.3g}", d.basis, d.state,
        ))  # fmt: skip
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
        for row in rows
    ]
    return "\n".join([*lines, *comparison.notes])


