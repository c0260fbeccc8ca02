"""`redis-hang`: Redis is paused and goes on."""

from __future__ import annotations

from collections.abc import Sequence

from drills import crowd, outage
from drills.context import Context
from drills.model import Drill, Level, Step


def pause(context: Context) -> None:
    context.state.stack.docker("pause", "redis")


def unpause(context: Context) -> None:
    context.state.stack.docker("unpause", "redis")


def unpause_command(context: Context) -> list[str]:
    return ["docker", "unpause", context.state.stack.container("redis")]


def method(context: Context) -> list[Step]:
    steps = [outage.calm(context, "load, nothing broken")]
    for name in ("first_hang_seconds", "second_hang_seconds"):
        seconds = context.parameters[name]
        if seconds:
            steps.append(outage.fault(
                f"pause Redis for {seconds:g} s", pause, seconds, unpause,
                unpause_command,
            ))  # fmt: skip
            steps.append(outage.calm(context, f"load after {seconds:g} s"))
    return steps


def measure(context: Context) -> None:
    context.state.crowd.finish()


def levels(context: Context) -> Sequence[Level]:
    minimum = outage.enough(context)
    return [*crowd.delivery_levels(minimum), crowd.nothing_lost(minimum)]


DRILL = Drill(
    name="redis-hang",
    title="Redis hangs and comes back",
    proves="While Redis answers to nobody nothing is lost: what is published "
    "meanwhile arrives late, in order, once, and nobody is closed.",
    hypothesis=outage.HYPOTHESIS,
    method=method,
    levels=levels,
    prepare=outage.prepare,
    measure=measure,
    quick={"viewers": 100, "calm_seconds": 4, "first_hang_seconds": 5,
           "second_hang_seconds": 0},
    long={**outage.LONG, "first_hang_seconds": 10, "second_hang_seconds": 40},
)  # fmt: skip
