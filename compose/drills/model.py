"""What a drill is: data and small functions, no machinery.

A drill claims something (its hypothesis), breaks something (its method) and is
judged by numbers it measured (its service levels).
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .tolerance import Tolerance

if TYPE_CHECKING:
    from .context import Context

Act = Callable[["Context"], None]


class When(enum.Flag):
    """When a probe is asked."""

    BEFORE = enum.auto()  # once; the drill does not start if it fails
    DURING = enum.auto()  # every second while the method runs
    AFTER = enum.auto()  # until it holds or its time is up
    AROUND = BEFORE | AFTER
    ALWAYS = BEFORE | DURING | AFTER


@dataclass(frozen=True)
class Probe:
    """A part of the hypothesis: a number and what is tolerated.

    Thread: `measure` of a DURING probe runs in a thread of its own beside the
    method, so it may only read. It must come back within seconds by itself.
    """

    name: str
    measure: Callable[["Context"], float]
    tolerance: Tolerance
    when: When = When.AROUND
    seconds: float = 15.0  # AFTER: how long recovery may take


# The fault touched only processes that this run started. After a SIGKILL,
# `drill cleanup` ends those, and nothing else is left to undo.
OWN_PROCESSES: tuple[str, ...] = ("own-processes",)


@dataclass(frozen=True)
class Step:
    """One thing done to the system.

    A step with `undo` is a fault: it is undone on every way out, the last one
    first, and `undone` must then become true. `undo_command` is the same as a
    command, written to disk before `do` runs; `undone_command` exits 0 when
    it has worked. With `lasts`, the fault is held that long and undone at
    once; without, it is undone after the last step.
    """

    name: str
    do: Act
    undo: Act | None = None
    undone: Callable[["Context"], bool] | None = None
    undo_command: Callable[["Context"], Sequence[str]] | Sequence[str] = ()
    undone_command: Sequence[str] = ()
    lasts: float | None = None
    seconds: float = 120.0  # deadline of `do` and of `undo`

    def __post_init__(self) -> None:
        if self.undo is None:
            if self.undone or self.undo_command or self.lasts is not None:
                raise ValueError(f"{self.name}: nothing to undo without undo")
        elif self.undone is None or not self.undo_command:
            raise ValueError(f"{self.name}: undo needs undone and undo_command")

    @property
    def is_fault(self) -> bool:
        return self.undo is not None

    def command_to_undo(self, context: "Context") -> list[str]:
        command = self.undo_command
        return list(command(context) if callable(command) else command)


class Better(enum.Enum):
    """Which direction of a metric is good; NEITHER is never compared."""

    LOWER = "lower"
    HIGHER = "higher"
    NEITHER = "neither"


@dataclass(frozen=True)
class Measurement:
    """A number a run came to, and of how many samples.

    `noise` (relative) and `noise_floor` (absolute) are what two runs of the
    same software may differ by; `drill compare` uses them when there were no
    repeats to tell.
    """

    name: str
    value: float | None
    unit: str
    samples: int
    better: Better = Better.LOWER
    noise: float = 0.25
    noise_floor: float = 0.0


@dataclass(frozen=True)
class Bottleneck:
    """The load generator was what was measured; `spoils` is how the names of
    the measurements begin that say nothing about the service then."""

    why: str
    spoils: str = ""


class Over(enum.Enum):
    """Which of the values of several repeats a level is judged by."""

    WORST = "worst"
    MEDIAN = "median"


@dataclass(frozen=True)
class Level:
    """A promise: the measurement named `value` holds `bound`.

    With fewer than `minimum` samples it is unknown, and so it is when the load
    generator was the bottleneck, unless `needs_generator` is false.
    """

    name: str
    value: str
    bound: Tolerance
    minimum: int = 1
    over: Over = Over.WORST
    needs_generator: bool = True

    @property
    def unit(self) -> str:
        return self.bound.unit


@dataclass(frozen=True)
class Chart:
    """A picture of series by their names (`series.py`) beside the usual ones.

    With `rate`, the series are counters, and what is drawn is their growth.
    """

    title: str
    unit: str
    lines: Mapping[str, str]  # label: name of the series
    rate: bool = False


Parameters = Mapping[str, float]


@dataclass(frozen=True)
class Drill:
    """`prepare` brings up what is tested and its load, `measure` ends the load
    and turns what was seen into measurements. What they start by the context
    ends with the run."""

    name: str
    title: str
    proves: str
    hypothesis: Sequence[Probe]
    method: Callable[["Context"], Sequence[Step]]
    levels: Callable[["Context"], Sequence[Level]]
    prepare: Act
    measure: Act
    quick: Parameters = field(default_factory=dict)
    long: Parameters = field(default_factory=dict)
    charts: Sequence[Chart] = ()
    prepare_seconds: float = 300.0
    measure_seconds: float = 120.0
