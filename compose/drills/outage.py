"""What the drills that take Redis away have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from . import crowd, stack
from .context import Context
from .model import Act, Level, Probe, Step, When
from .tolerance import within

RESUME_BOUND_SECONDS = stack.RETRY_MAX_SECONDS + 2.0
LONG = {"viewers": 300, "rate": 50, "channels": 5, "calm_seconds": 20}


@dataclass
class Load:
    """The stack and its clients."""

    stack: stack.Stack
    crowd: crowd.Crowd


def prepare(context: Context) -> None:
    """The stack, and clients that stay until `measure` ends them."""
    start(context, stack.Stack(context))


def start(context: Context, services: stack.Stack, slow: int = 0) -> None:
    services.up()
    services.watch()
    wanted = context.parameters
    clients = crowd.Crowd(context, crowd.Work(
        viewers=int(wanted["viewers"]), rate=wanted["rate"], seconds=3600,
        channels=int(wanted["channels"]), slow=slow,
    ))  # fmt: skip
    context.state = Load(services, clients)
    clients.wait_until_delivered()


def clients_open(context: Context) -> float:
    return float(context.state.crowd.open())


def clients_missing(context: Context) -> float:
    """Viewers that are not there now."""
    return context.parameters["viewers"] - clients_open(context)


def broker_ready(_context: Context) -> float:
    return stack.ready()


def imbalance(context: Context) -> float:
    return context.series.last("status2_conservation_imbalance")


# Afterwards only: between two messages under load one may be on its way.
UNACCOUNTED = Probe(
    "deliveries unaccounted for", imbalance, within("== 0"), When.AFTER
)

HYPOTHESIS: Sequence[Probe] = (
    Probe("the broker is ready", broker_ready, within("== 1"), seconds=30),
    Probe("clients that are away", clients_missing, within("== 0"), When.ALWAYS),
    UNACCOUNTED,
)

# Where the drill itself cuts clients off: they are back afterwards.
RETURNING: Sequence[Probe] = (
    Probe("the broker is ready", broker_ready, within("== 1"), seconds=40),
    Probe("clients that are away", clients_missing, within("== 0"), seconds=40),
    UNACCOUNTED,
)


def calm(context: Context, name: str, extra: float = 0.0) -> Step:
    """Load, and nothing broken."""
    seconds = context.parameters["calm_seconds"] + extra
    return Step(name, lambda c: c.wait(seconds, name), seconds=seconds + 10)


def restart(context: Context) -> None:
    context.state.stack.docker("restart", "redis")


def bring_back(context: Context) -> None:
    context.state.stack.wctl("up", "-d", "redis")


def redis_answers(context: Context) -> bool:
    done = context.run("ping Redis", [
        "docker", "exec", context.state.stack.container("redis"),
        "redis-cli", "-e", "ping",
    ], 10, check=False)  # fmt: skip
    return done.exit_code == 0 and "PONG" in done.output


def bring_back_command(context: Context) -> list[str]:
    return context.state.stack.command("up", "-d", "redis")


def fault(
    name: str, do: Act, lasts: float = 0.0, undo: Act = bring_back,
    undo_command: Callable[[Context], Sequence[str]] = bring_back_command,
) -> Step:  # fmt: skip
    """Something happens to Redis; it is back when it answers."""
    return Step(name, do, undo, redis_answers, undo_command=undo_command, lasts=lasts)


def method(
    name: str, do: Act, again: int = 1
) -> Callable[[Context], Sequence[Step]]:
    """Load, the fault `again` times, and load until all is as before."""

    def steps(context: Context) -> Sequence[Step]:
        found = [calm(context, "load, nothing broken")]
        for number in range(again):
            label = name if again == 1 else f"{name} {number + 1}"
            found.append(fault(label, do))
            if number + 1 < again:
                found.append(Step("a moment of load", lambda c: c.wait(1)))
        found.append(calm(context, "load afterwards", RESUME_BOUND_SECONDS))
        return found

    return steps


def measure(context: Context) -> None:
    measure_resume(context)
    context.state.crowd.finish()


def measure_resume(context: Context) -> None:
    """How long after the last outage the channels were acknowledged again."""
    seen = stack.last_outage()
    context.measured("outage", seen["outage_ms"] / 1000, "s", noise_floor=3)
    context.measured(
        "resume_worst", seen["resume_worst_ms"] / 1000, "s",
        int(context.parameters["channels"]), noise=0.5, noise_floor=1,
    )  # fmt: skip


def enough(context: Context) -> int:
    """Deliveries without which nothing is judged: those of the calm time."""
    wanted = context.parameters
    shared = wanted["viewers"] / wanted["channels"]
    return int(wanted["rate"] * shared * wanted["calm_seconds"])


def levels(context: Context) -> Sequence[Level]:
    return [
        *crowd.delivery_levels(enough(context)),
        Level("channels are acknowledged after the link is up", "resume_worst",
              within(f"<= {RESUME_BOUND_SECONDS:g} s"), needs_generator=False),
    ]  # fmt: skip
