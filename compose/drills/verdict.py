"""What a run may come to, and which of several outcomes speaks for all."""

from __future__ import annotations

import enum
from collections.abc import Iterable


class Verdict(enum.IntEnum):
    """The value is the exit code."""

    PASS = 0
    MISSED = 1
    UNKNOWN = 2
    COULD_NOT_RUN = 3
    WORSE = 4
    ROLLBACK_INCOMPLETE = 5

    @property
    def text(self) -> str:
        return _TEXTS[self]


_TEXTS = {
    Verdict.PASS: "passed",
    Verdict.MISSED: "a service level was missed",
    Verdict.UNKNOWN: "unknown: too little was measured, or the generator was too busy",
    Verdict.COULD_NOT_RUN: "could not run",
    Verdict.WORSE: "worse than the baseline",
    Verdict.ROLLBACK_INCOMPLETE: "rollback incomplete",
}

# What asks for a human soonest comes first: a fault that is still in place,
# then a drill that said nothing, then what the drills found.
SEVERITY = (
    Verdict.ROLLBACK_INCOMPLETE,
    Verdict.COULD_NOT_RUN,
    Verdict.MISSED,
    Verdict.WORSE,
    Verdict.UNKNOWN,
    Verdict.PASS,
)


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The most severe; of none, PASS."""
    return min(verdicts, key=SEVERITY.index, default=Verdict.PASS)
