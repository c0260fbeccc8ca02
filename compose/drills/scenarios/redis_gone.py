"""`redis-gone`: the container of Redis is removed, and its name with it."""

from __future__ import annotations

from drills import outage
from drills.context import Context
from drills.model import Drill, Step


def remove(context: Context) -> None:
    context.state.stack.wctl("compose", "rm", "--stop", "--force", "redis")


def method(context: Context) -> list[Step]:
    away = context.parameters["away_seconds"]
    return [
        outage.calm(context, "load, nothing broken"),
        outage.fault("remove Redis", remove, lasts=away),
        outage.calm(context, "load afterwards", outage.RESUME_BOUND_SECONDS),
    ]


DRILL = Drill(
    name="redis-gone",
    title="Redis is removed, and its name vanishes",
    proves="A Redis that is gone, name and all, closes no client; when it is made "
    "anew delivery resumes, and what was lost is told.",
    hypothesis=outage.HYPOTHESIS,
    method=method,
    levels=outage.levels,
    prepare=outage.prepare,
    measure=outage.measure,
    quick={"viewers": 100, "calm_seconds": 4, "away_seconds": 6},
    long={**outage.LONG, "away_seconds": 60},
)
