"""`herd`: every client is cut off at once, and all come back."""

from __future__ import annotations

import time
from collections.abc import Sequence

from drills import crowd, outage
from drills.context import Context
from drills.model import Drill, Level, Step
from drills.tolerance import within

BACK_SECONDS = 30.0


def drop_and_wait(context: Context) -> None:
    """The time until as many are connected as before."""
    clients, wanted = context.state.crowd, context.parameters["viewers"]
    clients.drop_all()
    begun = time.time()
    context.eventually(lambda: clients.open() < wanted, 10, "clients are cut off")
    context.eventually(lambda: clients.open() >= wanted, BACK_SECONDS, "all are back")
    context.measured("back_after", time.time() - begun, "s", noise=0.3, noise_floor=2)


def method(context: Context) -> Sequence[Step]:
    return [
        outage.calm(context, "load, nothing broken"),
        Step("cut off all clients", drop_and_wait, seconds=BACK_SECONDS + 30),
        outage.calm(context, "load afterwards"),
    ]


def measure(context: Context) -> None:
    found = context.state.crowd.finish()
    by_broker = sum(n for code, n in found["closes"].items() if code != "0")
    context.measured("closed_by_broker", by_broker, "", found["viewers"])


def levels(context: Context) -> Sequence[Level]:
    minimum = outage.enough(context)
    return [
        *crowd.delivery_levels(minimum, closed=True),
        crowd.nothing_lost(minimum),
        Level("all clients are served again", "back_after",
              within(f"<= {context.parameters['back_seconds']:g} s")),
        Level("no handshake was refused", "refused", within("== 0"),
              needs_generator=False),
        Level("the broker closed nobody", "closed_by_broker", within("== 0"),
              needs_generator=False),
    ]  # fmt: skip


DRILL = Drill(
    name="herd",
    title="All clients are cut off and come back at once",
    proves="A herd of clients is let in at a bounded rate and served; who is "
    "connected loses nothing.",
    hypothesis=outage.RETURNING,
    method=method,
    levels=levels,
    prepare=outage.prepare,
    measure=measure,
    quick={"viewers": 500, "calm_seconds": 4, "back_seconds": 10, "rate": 20},
    long={**outage.LONG, "viewers": 5000, "channels": 50, "back_seconds": 25},
)  # fmt: skip
