"""`drain`: two brokers behind HAProxy are restarted, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from drills import crowd, outage, stack
from drills.context import Context
from drills.model import Better, Drill, Level, Probe, Step
from drills.series import growth
from drills.tolerance import within

BROKERS = ("status-a", "status-b")
WINDOW = "5s"
# Where the proxy lets the stack's own network see the brokers' pages.
INSIDE = 9003


def prepare(context: Context) -> None:
    services = stack.Stack(
        context, ("redis", *BROKERS, "proxy"), stack.SCALED,
        {"STATUS_DRAIN_WINDOW": WINDOW},
    )  # fmt: skip
    services.up()
    wanted, proxy = context.parameters, services.address("proxy")
    context.eventually(
        lambda: stack.ready(proxy, INSIDE) == 1, 60, "the proxy has a broker"
    )
    clients = crowd.Crowd(context, crowd.Work(
        viewers=int(wanted["viewers"]), rate=wanted["rate"], seconds=3600,
        channels=int(wanted["channels"]), host=proxy, pairs=True,
        come_back_ms=20,
    ))  # fmt: skip
    context.state = outage.Load(services, clients)
    clients.wait_until_delivered()


def proxy_ready(context: Context) -> float:
    return stack.ready(context.state.stack.address("proxy"), INSIDE)


def healthy(context: Context, service: str) -> bool:
    done = context.run(f"health of {service}", [
        "docker", "inspect", "-f", "{{.State.Running}} {{.State.Health.Status}}",
        context.state.stack.container(service),
    ], 20)  # fmt: skip
    return done.output.strip() == "true healthy"


def stop(service: str) -> Callable[[Context], None]:
    """SIGTERM, and the wait until all its clients have been closed."""
    return lambda context: context.state.stack.docker("stop", service)


def start(service: str) -> Callable[[Context], None]:
    return lambda context: context.state.stack.docker("start", service)


def start_command(service: str) -> Callable[[Context], list[str]]:
    return lambda c: ["docker", "start", c.state.stack.container(service)]


def method(context: Context) -> Sequence[Step]:
    steps = [outage.calm(context, "load, nothing broken")]
    for service in BROKERS:
        steps += [
            Step(
                f"restart {service}", stop(service), start(service),
                lambda c, service=service: healthy(c, service),
                undo_command=start_command(service), lasts=0.0,
            ),
            outage.calm(context, f"load after {service}"),
        ]  # fmt: skip
    return steps


def steepest(context: Context) -> float:
    """The largest share of all handshakes of the restarts within a second: who
    is closed comes back at once."""
    opened = context.series.get("clients_opened_total")
    begin = context.windows[0].begin
    per_second = [rate for t, rate in growth(opened) if t >= begin]
    total = sum(per_second)
    return max(per_second) / total if total else 1.0


def measure(context: Context) -> None:
    context.measured("steepest_second", steepest(context), "of all", noise_floor=0.1)
    found = context.state.crowd.finish()
    context.measured("uncovered", found["uncovered"], "", better=Better.NEITHER)
    moved = found["closes"].get("1001", 0)
    context.measured("moved", moved, "", better=Better.NEITHER)
    others = sum(n for code, n in found["closes"].items() if code != "1001")
    context.measured("closed_otherwise", others, "", found["viewers"])


def levels(context: Context) -> Sequence[Level]:
    minimum = outage.enough(context)
    return [
        *crowd.delivery_levels(minimum, closed=True),
        crowd.nothing_lost(minimum),
        Level("clients were moved", "moved",
              within(f">= {context.parameters['viewers'] / 2:g}"),
              needs_generator=False),
        Level("nobody was closed but by a drain", "closed_otherwise",
              within("== 0"), needs_generator=False),
        Level("the closes glide", "steepest_second", within("<= 0.3 of all"),
              needs_generator=False),
    ]  # fmt: skip


DRILL = Drill(
    name="drain",
    title="A rolling restart of two brokers",
    proves="Clients that hold two connections lose no message while the brokers "
    "behind a proxy are restarted, and are closed a few at a time.",
    hypothesis=[
        Probe("the proxy has a broker", proxy_ready, within("== 1"), seconds=30),
        Probe("clients that are away", outage.clients_missing, within("== 0"),
              seconds=30),
    ],
    method=method,
    levels=levels,
    prepare=prepare,
    measure=measure,
    quick={"viewers": 100, "calm_seconds": 3},
    long=outage.LONG,
)  # fmt: skip
