"""`load`: k6 at the rate it can judge, then the project's own clients above."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from drills import crowd, k6, machine, outage, stack
from drills.context import Context
from drills.model import Drill, Level, Probe, Step
from drills.process import Child
from drills.tolerance import within

RUN, CHANNEL = "loadtest", "wepp"


@dataclass
class Load:
    stack: stack.Stack
    k6_path: str
    reference: dict[str, Any] = field(default_factory=dict)


def prepare(context: Context) -> None:
    path = k6.find(context)
    assert path is not None
    services = stack.Stack(context)
    services.up()
    services.watch()
    context.state = Load(services, path)


def publisher(context: Context, seconds: float) -> Child:
    """A stamped message at a steady rate, and how late Redis alone is."""
    return context.start("publisher", [
        str(crowd.BINARY.parent / "status2"), "publish", "--reference",
        "--rate", f"{context.parameters['rate']:g}", "--for", f"{seconds:g}s",
        f"{RUN}:{CHANNEL}",
    ], {
        "STATUS_REDIS_URL": stack.redis_url(),
        "STATUS_REDIS_PASSWORD_FILE": str(stack.password_file()),
    })  # fmt: skip


def run_k6(context: Context) -> None:
    load: Load = context.state
    seconds = context.parameters["seconds"]
    clients = k6.K6(
        context, load.k6_path, f"ws://{stack.STATUS}:9002", RUN, CHANNEL,
        int(context.parameters["vus"]), seconds,
    )  # fmt: skip
    producer = publisher(context, seconds + 10)
    result = clients.finish(machine.cores())
    producer.stop()
    said = producer.log.read_text().strip().splitlines()
    if said and said[-1].startswith("{"):
        load.reference = json.loads(said[-1])
    note(context, result)


def note(context: Context, result: k6.Result) -> None:
    samples = result.count("status2_message_latency_samples")
    p95 = result.trend("status2_message_latency_ms", "p(95)")
    context.measured("k6_latency_p95", p95, "ms", samples, noise=0.4, noise_floor=8)
    context.measured(
        "k6_failures", result.count("status2_connection_failures"), "",
        result.count("status2_connections_opened"),
    )  # fmt: skip
    for name in ("lost", "duplicated", "reordered"):
        context.measured(
            f"k6_{name}", result.count(f"status2_messages_{name}"), "", samples
        )


def run_crowd(context: Context) -> None:
    seconds = context.parameters["seconds"]
    clients = crowd.Crowd(context, crowd.Work(
        viewers=int(context.parameters["vus"]), seconds=seconds,
        rate=context.parameters["fast_rate"],
    ))  # fmt: skip
    clients.child.wait(seconds + crowd.END_SECONDS)
    clients.finish()


def method(context: Context) -> Sequence[Step]:
    seconds = context.parameters["seconds"]
    return [
        Step("k6", run_k6, seconds=seconds + 150),
        Step("the project's own clients", run_crowd, seconds=seconds + 150),
    ]


def measure(context: Context) -> None:
    reference = context.state.reference.get("reference", {})
    if reference:
        late = reference["latency_ms"]
        context.measured(
            "redis_alone_p95", late["p95"], "ms", reference["received"],
            noise=0.5, noise_floor=2,
        )  # fmt: skip


def levels(context: Context) -> Sequence[Level]:
    wanted = context.parameters
    deliveries = int(wanted["vus"] * wanted["rate"] * wanted["seconds"] * 0.8)
    fast = int(wanted["vus"] * wanted["fast_rate"] * wanted["seconds"] * 0.8)
    quiet = {"needs_generator": False}
    return [
        Level("latency at k6, p95", "k6_latency_p95", within("<= 50 ms"), deliveries),
        Level("connections that failed at k6", "k6_failures", within("== 0"),
              int(wanted["vus"]), **quiet),
        Level("lost at k6", "k6_lost", within("== 0"), deliveries, **quiet),
        Level("twice at k6", "k6_duplicated", within("== 0"), deliveries, **quiet),
        *crowd.delivery_levels(fast),
        crowd.nothing_lost(fast),
        crowd.fast_enough(fast),
    ]  # fmt: skip


DRILL = Drill(
    name="load",
    title="300 clients and a steady stream",
    proves="300 clients get every message within 50 ms at the 95th percentile, "
    "and no connection fails.",
    hypothesis=[
        Probe("the broker is ready", outage.broker_ready, within("== 1")),
        outage.UNACCOUNTED,
    ],
    method=method,
    levels=levels,
    prepare=prepare,
    measure=measure,
    prepare_seconds=1800,
    quick={"seconds": 20},
    long={"vus": 300, "rate": 10, "fast_rate": 100, "seconds": 300},
)  # fmt: skip
