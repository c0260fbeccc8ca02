"""`soak`: load, churn and random faults for a long time."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence

from drills import crowd, outage, stack
from drills.context import Context
from drills.model import Drill, Level, Step
from drills.tolerance import within

BETWEEN_SECONDS = 2.0
MEMORY_SLACK_MIB = 32.0


def resident_mib(context: Context) -> float:
    return context.series.last("rss_bytes:status") / 2**20


def note_memory(context: Context) -> None:
    context.measured("memory_before", resident_mib(context), "MiB", noise=0.2)


def harm(fault: str, milliseconds: int = 0) -> None:
    stack.chaos("POST", "redis", {"fault": fault, "for": "1s", "ms": milliseconds})


def trouble(context: Context) -> None:
    """A random fault every two seconds; all of them end by themselves."""
    faults = [
        lambda: stack.kill("redis-link"),
        lambda: stack.kill("subscriber:drill:c0"),
        lambda: stack.kill("canary"),
        lambda: harm("drop"),
        lambda: harm("stall"),
        lambda: harm("delay", 200),
        context.state.crowd.drop_all,
    ]
    chance, count = random.Random(3), 0
    end = time.monotonic() + context.parameters["trouble_seconds"]
    while time.monotonic() < end:
        chance.choice(faults)()
        count += 1
        context.wait(BETWEEN_SECONDS, f"{count} faults")
    context.measured("faults", count, "", noise=0.2)


def method(context: Context) -> Sequence[Step]:
    seconds = context.parameters["trouble_seconds"]
    return [
        outage.calm(context, "load, nothing broken"),
        Step("memory before", note_memory),
        Step("random faults", trouble, seconds=seconds + 60),
        outage.calm(context, "load afterwards", outage.RESUME_BOUND_SECONDS),
    ]


def measure(context: Context) -> None:
    growth = resident_mib(context) - (context.measurements["memory_before"].value or 0)
    context.measured("memory_growth", growth, "MiB", noise_floor=MEMORY_SLACK_MIB)
    context.state.crowd.finish()


def levels(context: Context) -> Sequence[Level]:
    return [
        *crowd.delivery_levels(outage.enough(context), closed=True),
        Level("memory returns to where it was", "memory_growth",
              within(f"<= {MEMORY_SLACK_MIB:g} MiB"), needs_generator=False),
        Level("faults were injected", "faults", within(">= 3"),
              needs_generator=False),
    ]  # fmt: skip


DRILL = Drill(
    name="soak",
    title="Load, churn and random faults",
    proves="However long faults go on, every delivery is accounted for, every "
    "loss is told, and memory returns to where it was.",
    hypothesis=outage.RETURNING,
    method=method,
    levels=levels,
    prepare=outage.prepare,
    measure=measure,
    quick={"viewers": 100, "calm_seconds": 4, "trouble_seconds": 14},
    long={**outage.LONG, "trouble_seconds": 3600},
)  # fmt: skip
