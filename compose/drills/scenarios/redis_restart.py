"""`redis-restart`: Redis is restarted under load."""

from __future__ import annotations

from drills import outage
from drills.model import Drill

DRILL = Drill(
    name="redis-restart",
    title="Redis restarts under load",
    proves="A restart of Redis closes no client, delivery resumes within the "
    "backoff and two seconds, and what was lost meanwhile is told.",
    hypothesis=outage.HYPOTHESIS,
    method=outage.method("restart Redis", outage.restart, again=1),
    levels=outage.levels,
    prepare=outage.prepare,
    measure=outage.measure,
    quick={"viewers": 100, "calm_seconds": 4},
    long=outage.LONG,
)
