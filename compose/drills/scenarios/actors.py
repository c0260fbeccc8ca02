"""`actors`: actors are killed through the chaos door, under load."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence

from drills import crowd, outage, stack
from drills.context import Context
from drills.model import Drill, Level, Step
from drills.tolerance import within

INTERVAL_SECONDS = 0.1


def children() -> list[str]:
    """The names of all that may be killed; the supervisor is not among them."""
    found = stack.chaos("GET", "actors")["children"]
    return [child["actor"] for child in found]


def kill_for_a_while(context: Context) -> None:
    """A random actor every tenth of a second; the same ones each time."""
    chance, sessions, kills = random.Random(20), 0, 0
    names: list[str] = []
    end = time.monotonic() + context.parameters["kill_seconds"]
    while time.monotonic() < end:
        if kills % 20 == 0:
            names = children()
        name = chance.choice(names)
        sessions += stack.kill(name) and name.startswith("session:")
        kills += 1
        context.wait(INTERVAL_SECONDS, f"{kills} kills")
    context.measured("kills", kills, "", noise=0.2)
    context.measured("sessions_killed", sessions, "", noise=0.5)


def method(context: Context) -> Sequence[Step]:
    seconds = context.parameters["kill_seconds"]
    return [
        outage.calm(context, "load, nothing broken"),
        Step("kill actors", kill_for_a_while, seconds=seconds + 60),
        outage.calm(context, "load afterwards"),
    ]


def measure(context: Context) -> None:
    found = context.state.crowd.finish()
    others = sum(n for code, n in found["closes"].items() if code != "1011")
    context.measured("closed_otherwise", others, "", found["viewers"])
    killed = context.measurements["sessions_killed"].value or 0
    more = found["closes"].get("1011", 0) - killed
    context.measured("closed_unkilled", max(more, 0), "", found["viewers"])


def levels(context: Context) -> Sequence[Level]:
    return [
        *crowd.delivery_levels(outage.enough(context), closed=True),
        Level("actors were killed", "kills", within(">= 20"), needs_generator=False),
        Level("nobody was closed but by a kill", "closed_otherwise",
              within("== 0"), needs_generator=False),
        Level("nobody was closed but the killed", "closed_unkilled",
              within("== 0"), needs_generator=False),
    ]  # fmt: skip


DRILL = Drill(
    name="actors",
    title="Actors are killed under load",
    proves="Whatever actor dies, only the client of a killed session is closed, "
    "order is kept, nothing comes twice, and every loss is told.",
    hypothesis=outage.RETURNING,
    method=method,
    levels=levels,
    prepare=outage.prepare,
    measure=measure,
    quick={"viewers": 100, "calm_seconds": 4, "kill_seconds": 8},
    long={**outage.LONG, "kill_seconds": 60},
)  # fmt: skip
