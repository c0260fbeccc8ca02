"""`slow-readers`: a tenth of the clients stop reading."""

from __future__ import annotations

from collections.abc import Sequence

from drills import crowd, outage, stack
from drills.context import Context
from drills.model import Drill, Level, Probe, Step
from drills.tolerance import within


def prepare(context: Context) -> None:
    # Small enough that a drill need not last until a megabyte waits.
    services = stack.Stack(context, settings={"STATUS_OUTBOX_BYTES": "64KB"})
    outage.start(context, services, slow=slow(context))


def slow(context: Context) -> int:
    return int(context.parameters["viewers"] * context.parameters["slow_share"])


def flood(context: Context) -> None:
    """Large messages to the channel that the slow ones are on as well."""
    seconds = context.parameters["flood_seconds"]
    context.run("flood", [
        str(crowd.BINARY.parent / "status2"), "publish", "--rate", "50",
        "--for", f"{seconds:g}s", "--size", "65536", "drill:c0",
    ], seconds + 30, {
        "STATUS_REDIS_URL": stack.redis_url(),
        "STATUS_REDIS_PASSWORD_FILE": str(stack.password_file()),
    })  # fmt: skip


def method(context: Context) -> Sequence[Step]:
    seconds = context.parameters["flood_seconds"]
    return [
        outage.calm(context, "load, nothing broken"),
        Step("large messages", flood, seconds=seconds + 60),
        outage.calm(context, "load afterwards"),
    ]


def slow_consumers(context: Context) -> float:
    name = 'status2_sessions_closed_total{reason="slow_consumer"}'
    return context.series.last(name)


def measure(context: Context) -> None:
    context.measured("slow_closed", slow_consumers(context), "", noise=0.5)
    memory = context.series.values("rss_bytes:status")
    context.measured(
        "memory_worst", max(memory) / 2**20, "MiB", len(memory), noise=0.3
    )
    context.state.crowd.finish()


def levels(context: Context) -> Sequence[Level]:
    minimum = outage.enough(context) * 9 // 10
    return [
        *crowd.delivery_levels(minimum),
        crowd.nothing_lost(minimum),
        Level("those that do not read are closed", "slow_closed",
              within(f">= {slow(context)}"), needs_generator=False),
        crowd.fast_enough(minimum, 100),
    ]  # fmt: skip


DRILL = Drill(
    name="slow-readers",
    title="A tenth of the clients stop reading",
    proves="A client that does not read is closed for it, and slows nobody else.",
    hypothesis=[
        Probe("the broker is ready", outage.broker_ready, within("== 1")),
        outage.UNACCOUNTED,
    ],
    method=method,
    levels=levels,
    prepare=prepare,
    measure=measure,
    quick={"viewers": 50, "calm_seconds": 4, "channels": 1, "rate": 20,
           "flood_seconds": 5},
    long={**outage.LONG, "channels": 1, "slow_share": 0.1, "flood_seconds": 20},
)  # fmt: skip
