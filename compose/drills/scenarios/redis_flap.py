"""`redis-flap`: Redis restarts again and again."""

from __future__ import annotations

from drills import outage
from drills.context import Context
from drills.model import Drill, Step


def method(context: Context) -> list[Step]:
    times = int(context.parameters["restarts"])
    return list(outage.method("restart Redis", outage.restart, times)(context))


DRILL = Drill(
    name="redis-flap",
    title="Redis restarts again and again",
    proves="A Redis in a crash loop closes no client; each loss is told.",
    hypothesis=outage.HYPOTHESIS,
    method=method,
    levels=outage.levels,
    prepare=outage.prepare,
    measure=outage.measure,
    quick={"viewers": 100, "calm_seconds": 4, "restarts": 3},
    long={**outage.LONG, "restarts": 10},
)
