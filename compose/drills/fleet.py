"""What the drills have in common in which Redis is several servers, and one of
them dies."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from . import losses, outage, stack
from .context import Context
from .model import Better, Level, Probe, Step, When
from .publisher import Address, Publisher, Redis
from .tolerance import within
from .witness import Witnesses

CHANNEL = "drill:fleet"
# From the first message that Redis takes again until the last witness has one.
RESUME_BOUND_SECONDS = 2.0
TAKEOVER_SECONDS = 60.0
LONG = {"witnesses": 10, "rate": 50, "calm_seconds": 20, "planned": 1}
QUICK = {"rate": 20, "calm_seconds": 4, "planned": 0}


def address_of(service: str) -> str:
    """As compose.sentinel.yml and compose.cluster.yml have them."""
    kind, _, number = service.partition("-")
    return f"10.213.57.{(20 if kind == 'sentinel' else 10) + int(number or 1)}"


def ask(service: str, *words: str) -> object:
    """Asks a server over a connection of its own. Errors: OSError."""
    port = 26379 if service.startswith("sentinel") else 6379
    redis = Redis((address_of(service), port), password())
    try:
        return redis.ask(*words)
    finally:
        redis.close()


def password() -> str:
    return stack.password_file().read_text().strip()


class Asked:
    """Connections that are kept, each opened again after an error."""

    def __init__(self) -> None:
        self._open: dict[Address, Redis] = {}

    def ask(self, address: Address, *words: str) -> object:
        redis = self._open.pop(address, None) or Redis(address, password())
        try:
            answer = redis.ask(*words)
        except OSError:
            redis.close()
            raise
        self._open[address] = redis
        return answer


@dataclass
class Fleet:
    """The stack, what is published, and those who watch."""

    stack: stack.Stack
    find: Callable[[], Address]
    publisher: Publisher | None = None
    witnesses: Witnesses | None = None
    victim: str = ""  # the service that is killed
    killed_at: float = 0.0
    took_over: list[float] = field(default_factory=list)  # seconds


def start(
    context: Context, file: str, services: Sequence[str],
    find: Callable[[], Address], whole: Callable[[], bool],
) -> Fleet:  # fmt: skip
    """The stack with `file`, once it is whole, its load and its witnesses; `find`
    says where to publish now."""
    fleet = context.state = Fleet(
        stack.Stack(
            context, services=("status", *services),
            files=f"compose.yml {file} compose.drill.yml",
        ),
        find,
    )  # fmt: skip
    fleet.stack.up()
    fleet.stack.watch()
    context.eventually(whole, TAKEOVER_SECONDS, "all servers have their parts")
    fleet.publisher = Publisher(
        find, CHANNEL, context.parameters["rate"], password=password()
    )
    context.on_exit(fleet.publisher.stop)
    seen = fleet.witnesses = Witnesses(
        stack.STATUS, 9002, CHANNEL, int(context.parameters["witnesses"]),
        context.series,
    )  # fmt: skip
    context.on_exit(seen.stop)
    seen.wait_until_live(20)
    context.eventually(
        lambda: all(w.arrivals for w in seen.all), 20, "every witness gets messages"
    )
    return fleet


def kill_victim(context: Context, replaced: Callable[[], bool]) -> None:
    """SIGKILL, and waits until others have taken its part."""
    fleet: Fleet = context.state
    fleet.stack.docker("kill", fleet.victim)
    fleet.killed_at = time.time()
    context.eventually(replaced, TAKEOVER_SECONDS, "another server has taken over")
    fleet.took_over.append(time.time() - fleet.killed_at)


def kill_step(name: str, replaced: Callable[[], bool]) -> Step:
    def start_again(context: Context) -> None:
        context.state.stack.docker("start", context.state.victim)

    def command(context: Context) -> list[str]:
        fleet: Fleet = context.state
        return ["docker", "start", fleet.stack.container(fleet.victim)]

    def answers(context: Context) -> bool:
        return ask(context.state.victim, "PING") == "PONG"

    return Step(
        name, lambda context: kill_victim(context, replaced), start_again, answers,
        undo_command=command, lasts=1.0, seconds=TAKEOVER_SECONDS + 30,
    )  # fmt: skip


def method(
    context: Context, replaced: Callable[[], bool], whole: Callable[[], bool],
    planned: Callable[[Context], None],
) -> Sequence[Step]:  # fmt: skip
    """Load, a kill, and in the long form a planned failover afterwards."""

    def back(context: Context) -> None:
        context.eventually(
            whole, TAKEOVER_SECONDS, "all servers are back in their parts"
        )

    steps = [
        outage.calm(context, "load, nothing broken"),
        kill_step("kill a server", replaced),
        outage.calm(context, "load after the kill"),
        Step("all servers come back", back, seconds=TAKEOVER_SECONDS + 10),
    ]
    if context.parameters["planned"]:
        steps += [
            Step("planned failover", planned, seconds=TAKEOVER_SECONDS + 10),
            outage.calm(context, "load after the planned failover"),
        ]
    return steps


def witnesses_away(context: Context) -> float:
    seen = context.state.witnesses
    return float(len(seen.all) - seen.open_count())


def hypothesis(whole: Callable[[], bool]) -> Sequence[Probe]:
    return (
        Probe("the broker is ready", outage.broker_ready, within("== 1"), seconds=30),
        Probe("all servers have their parts", lambda _: float(whole()),
              within("== 1"), seconds=TAKEOVER_SECONDS),
        Probe("witnesses that are away", witnesses_away, within("== 0"), When.ALWAYS),
        outage.UNACCOUNTED,
    )  # fmt: skip


def measure(context: Context) -> None:
    fleet: Fleet = context.state
    assert fleet.publisher and fleet.witnesses
    fleet.publisher.stop()
    published = fleet.publisher.taken()
    # The last second's may still be on their way.
    settled = [p for p in published if p.at < time.time() - 1]
    found = losses.judge(fleet.witnesses, settled)
    losses.note(context, found, fleet.witnesses, len(settled))
    context.measured(
        "redis_takeover", max(fleet.took_over), "s", len(fleet.took_over),
        Better.NEITHER,
    )  # fmt: skip
    taken_again = min(p.at for p in published if p.at > fleet.killed_at)
    firsts = fleet.witnesses.first_after(taken_again)
    context.measured(
        "resume_worst", max(firsts) - taken_again, "s", len(firsts),
        noise=0.5, noise_floor=1,
    )  # fmt: skip


def levels(context: Context) -> Sequence[Level]:
    wanted = context.parameters
    minimum = int(wanted["witnesses"] * wanted["rate"] * wanted["calm_seconds"])
    return [
        *losses.levels(minimum),
        Level("delivery resumes once Redis takes messages again", "resume_worst",
              within(f"<= {RESUME_BOUND_SECONDS:g} s")),
    ]  # fmt: skip
