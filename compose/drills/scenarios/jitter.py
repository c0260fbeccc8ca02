"""`jitter`: 200 ms ± 50 ms and 2 % loss, on each side, in each direction.

The kernel's netem delays every packet of an interface, so it cannot tell
clients from Redis; status2_netem, which is used here, can.
"""

from __future__ import annotations

from collections.abc import Sequence

from drills import crowd, outage, stack
from drills.context import Context
from drills.model import Drill, Level, Probe, Step, When
from drills.tolerance import within

# The direction as the broker sees it, and which port.
SIDES = {
    "to clients": "out --local-port 9002",
    "from clients": "in --local-port 9002",
    "from Redis": "in --peer-port 6379",
    "to Redis": "out --peer-port 6379",
}


def prepare(context: Context) -> None:
    services = stack.Stack(context, ("status", "redis", "status-net"))
    outage.start(context, services)


# What ends `docker exec` does not end the program in the container.
PID = "/run/drill-netem.pid"
END = f'test ! -s {PID} || {{ kill "$(cat {PID})"; rm {PID}; }}; status2_netem cleanup'
GONE = f"test ! -e {PID} && ! pidof status2_netem && status2_netem status"


def inside(context: Context, script: str) -> list[str]:
    """A shell in the toolbox, which has the broker's network."""
    box = context.state.stack.container("status-net")
    return ["docker", "exec", box, "sh", "-c", script]


def inject(context: Context, side: str) -> None:
    """Returns when packets are late."""
    wanted = context.parameters
    child = context.start(f"netem {side}".replace(" ", "-"), inside(
        context,
        f"echo $$ >{PID}; exec status2_netem run --interface eth0 "
        f"--direction {SIDES[side]} --delay {wanted['delay_ms']:g}ms "
        f"--jitter {wanted['jitter_ms']:g}ms --loss {wanted['loss_percent']:g}% "
        "--mark jitter",
    ))  # fmt: skip
    context.eventually(lambda: "active on" in child.tail(), 10, "netem is active")


def remove(context: Context) -> None:
    context.run("end netem", inside(context, END), 20)


def clean(context: Context) -> bool:
    found = context.run("is it gone?", inside(context, GONE), 20, check=False)
    return found.exit_code == 0


def method(context: Context) -> Sequence[Step]:
    steps = [outage.calm(context, "load, nothing broken")]
    for side in SIDES:
        steps += [
            Step(f"jitter {side}", lambda c, side=side: inject(c, side), remove,
                 clean, undo_command=lambda c: inside(c, END),
                 lasts=context.parameters["hold_seconds"]),
            Step(f"look back: {side}", lambda c, side=side: look(c, side)),
        ]  # fmt: skip
    steps.append(outage.calm(context, "load afterwards"))
    return steps


def look(context: Context, side: str) -> None:
    """What messages cost in the window that has just ended."""
    window = context.windows[-1]
    values = context.series.values(
        "latency_p50_ms", window.begin + 2, window.end or window.begin
    )
    context.measured(
        "p50_" + side.replace(" ", "_"), max(values) if values else None, "ms",
        len(values), noise=0.3, noise_floor=50,
    )  # fmt: skip
    context.eventually(
        lambda: context.series.last("latency_p95_ms") < context.parameters["delay_ms"],
        20, "messages are on time again",
    )  # fmt: skip


def measure(context: Context) -> None:
    context.state.crowd.finish()


def levels(context: Context) -> Sequence[Level]:
    minimum = outage.enough(context)
    half = context.parameters["delay_ms"] / 2
    late = within(f">= {half:g} ms")
    return [
        *crowd.delivery_levels(minimum),
        crowd.nothing_lost(minimum),
        # A drill that injects nothing would pass everything else.
        Level("messages are late behind slow clients", "p50_to_clients", late),
        Level("messages are late behind a slow Redis", "p50_from_Redis", late),
    ]


DRILL = Drill(
    name="jitter",
    title="A slow and lossy network",
    proves="200 ms with 50 ms of jitter and 2 % loss, on the side of the clients "
    "or of Redis, in either direction, closes nobody and loses nothing.",
    hypothesis=[
        Probe("the broker is ready", outage.broker_ready, within("== 1"),
              When.AROUND, 30),
        Probe("clients that are away", outage.clients_missing, within("== 0"),
              When.ALWAYS),
        outage.UNACCOUNTED,
    ],
    method=method,
    levels=levels,
    prepare=prepare,
    measure=measure,
    # A slow link is to be slow, not doubled and chosen anew: 300 ms at most,
    # and a lost packet costs a retransmission more.
    quick={"viewers": 50, "calm_seconds": 3, "hold_seconds": 6},
    long={"viewers": 300, "rate": 1, "channels": 1, "calm_seconds": 10,
          "hold_seconds": 120, "delay_ms": 200, "jitter_ms": 50,
          "loss_percent": 2},
)  # fmt: skip
