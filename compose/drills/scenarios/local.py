"""`local`: Redis restarts under load, without Docker.

A private Redis and a broker of the release build on free loopback ports. It is
the drill that shows that the runner itself works.
"""

from __future__ import annotations

import os
import signal
import socket
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from drills import k6, load, losses, machine
from drills.context import Context
from drills.errors import CouldNotRun
from drills.model import OWN_PROCESSES, Better, Drill, Level, Probe, Step, When
from drills.process import Child, free_port
from drills.publisher import Published, Publisher
from drills.samplers import Metrics
from drills.series import Window, growth, percentile
from drills.tolerance import within
from drills.witness import Witnesses

RUN_ID, CHANNEL = "drill", "local"
RETRY_MAX_SECONDS = 2.0
RESUME_BOUND = RETRY_MAX_SECONDS + 2.0


@dataclass
class Local:
    """What this drill starts."""

    binary: Path
    redis_port: int = field(default_factory=free_port)
    port: int = field(default_factory=free_port)
    redis: Child | None = None
    broker: Child | None = None
    witnesses: Witnesses | None = None
    publisher: Publisher | None = None
    load: k6.K6 | None = None
    redis_back: float = 0.0


def built(context: Context) -> Local:
    default = machine.ROOT / "build/release/status2"
    binary = Path(os.environ.get("STATUS2_BINARY", default))
    if not binary.exists():
        raise CouldNotRun(f"there is no {binary}; `./dev build` makes it")
    context.versions["status2"] = machine.output_of([str(binary), "--version"])
    return Local(binary)


def start_redis(context: Context) -> None:
    local: Local = context.state
    local.redis = context.start("redis", [
        "redis-server", "--port", str(local.redis_port), "--bind", "127.0.0.1",
        "--save", "", "--appendonly", "no", "--dir", str(context.folder),
    ])  # fmt: skip
    local.redis.listens(local.redis_port)


def start_broker(context: Context) -> None:
    local: Local = context.state
    local.broker = context.start("status2", [str(local.binary)], {
        "STATUS_LISTEN_ADDR": f"127.0.0.1:{local.port}",
        "STATUS_REDIS_URL": f"redis://127.0.0.1:{local.redis_port}/2",
        "STATUS_REDIS_RETRY_MAX": f"{RETRY_MAX_SECONDS:g}s",
        "STATUS_METRICS_ENABLED": "true",
    })  # fmt: skip
    local.broker.listens(local.port)
    context.watch_process("broker", local.broker)
    context.sample(Metrics(f"http://127.0.0.1:{local.port}/metrics"))


def steady_load(context: Context) -> None:
    """What a delivery costs while nothing is broken."""
    local: Local = context.state
    generator = local.binary.parent / "status2_load"
    if not generator.exists():
        return
    assert local.broker is not None
    work = load.Work(
        int(context.parameters["viewers"]), context.parameters["rate"],
        context.parameters["steady_seconds"],
    )  # fmt: skip
    command = [
        str(generator), "--port", str(local.port),
        "--redis-port", str(local.redis_port), "--pid", str(local.broker.pid),
    ]  # fmt: skip
    load.run_load(context, "steady", command, work)


def prepare(context: Context) -> None:
    local = context.state = built(context)
    path = k6.find(context, build=False)
    start_redis(context)
    start_broker(context)
    steady_load(context)
    channel = f"{RUN_ID}:{CHANNEL}"
    local.publisher = Publisher(
        lambda: ("127.0.0.1", local.redis_port), channel, context.parameters["rate"]
    )
    context.on_exit(local.publisher.stop)
    local.witnesses = Witnesses(
        "127.0.0.1", local.port, channel,
        int(context.parameters["witnesses"]), context.series,
    )  # fmt: skip
    context.on_exit(local.witnesses.stop)
    if path is not None:
        local.load = k6.K6(
            context, path, f"ws://127.0.0.1:{local.port}", RUN_ID, CHANNEL,
            int(context.parameters["vus"]), load_seconds(context),
        )  # fmt: skip
        opened = lambda: connections(context) >= expected(context)  # noqa: E731
        context.eventually(opened, 20, "all viewers are connected")
    local.witnesses.wait_until_live(10)
    seen = local.witnesses
    context.eventually(lambda: seen.received() > 0, 10, "the first message comes")


def load_seconds(context: Context) -> float:
    """Long enough for the method; k6 ends by itself."""
    return 2 * context.parameters["calm_seconds"] + RESUME_BOUND + 6


def expected(context: Context) -> float:
    """Connections while all is well."""
    viewers = context.parameters["vus"] if context.state.load else 0
    return context.parameters["witnesses"] + viewers


def connections(context: Context) -> float:
    return context.series.last("status2_connections_active")


def witnesses_open(context: Context) -> float:
    return float(context.state.witnesses.open_count())


def ready(context: Context) -> float:
    url = f"http://127.0.0.1:{context.state.port}/ready"
    with urllib.request.urlopen(url, timeout=2) as answer:
        return float(answer.status == 200)


def recent_p95(context: Context) -> float:
    return percentile(context.state.witnesses.latencies(time.time() - 2), 95)


def stop_redis(context: Context) -> None:
    context.state.redis.stop(signal.SIGTERM)


def bring_redis_back(context: Context) -> None:
    if not context.state.redis.running():
        start_redis(context)
    context.state.redis_back = time.time()


def redis_answers(context: Context) -> bool:
    address = ("127.0.0.1", context.state.redis_port)
    with socket.create_connection(address, 1) as connection:
        connection.settimeout(1)
        connection.sendall(b"PING\r\n")
        return connection.recv(16).startswith(b"+PONG")


def method(context: Context) -> Sequence[Step]:
    calm = context.parameters["calm_seconds"]
    return [
        Step("load, nothing broken", lambda c: c.wait(calm), seconds=calm + 10),
        Step(
            "restart Redis", stop_redis, bring_redis_back, redis_answers,
            undo_command=OWN_PROCESSES, lasts=context.parameters["away_seconds"],
        ),
        Step(
            "load after the restart", lambda c: c.wait(calm + RESUME_BOUND),
            seconds=calm + RESUME_BOUND + 10,
        ),
    ]  # fmt: skip


def measure(context: Context) -> None:
    local: Local = context.state
    assert local.publisher and local.witnesses
    local.publisher.stop()
    if local.load is not None:
        measure_k6(context, local.load.finish(machine.cores()))
    published = local.publisher.taken()
    window = context.windows[-1]
    # The last second's may still be on their way.
    settled = [p for p in published if p.at < time.time() - 1]
    measure_losses(context, local, settled, window)
    firsts = local.witnesses.first_after(local.redis_back)
    context.measured(
        "resume_worst", max(firsts) - local.redis_back, "s", len(firsts),
        noise=0.5, noise_floor=RETRY_MAX_SECONDS,
    )  # fmt: skip
    calm = local.witnesses.latencies(0, window.begin)
    context.measured(
        "latency_p95", percentile(calm, 95), "ms", len(calm), noise_floor=2.0
    )
    rates = growth(context.series.get("status2_messages_forwarded_total"))
    context.measured(
        "deliveries_median", percentile([v for _, v in rates], 50), "a second",
        len(rates), Better.HIGHER, noise=0.1,
    )  # fmt: skip
    memory = context.series.values("rss_bytes:broker")
    context.measured(
        "memory_worst", max(memory) / 2**20, "MiB", len(memory), noise=0.15
    )


def measure_k6(context: Context, result: k6.Result) -> None:
    samples = result.count("status2_message_latency_samples")
    context.measured(
        "k6_connection_failures", result.count("status2_connection_failures"), "",
        result.count("status2_connections_opened"),
    )  # fmt: skip
    context.measured(
        "k6_latency_p95", result.trend("status2_message_latency_ms", "p(95)"), "ms",
        samples, noise=0.4, noise_floor=5.0,
    )  # fmt: skip


def measure_losses(
    context: Context, local: Local, published: list[Published], window: Window
) -> None:
    assert local.witnesses is not None
    found = losses.judge(local.witnesses, published)
    losses.note(context, found, local.witnesses, len(published))
    end = local.redis_back + RESUME_BOUND
    outside = sum(not window.begin <= p.at <= end for p in found.missed)
    count = len(published) * len(local.witnesses.all)
    context.measured("lost_outside_window", outside, "", count)


def levels(context: Context) -> Sequence[Level]:
    enough = int(context.parameters["witnesses"] * context.parameters["rate"])
    found = [
        *losses.levels(enough),
        Level("delivery resumes within the backoff and 2 s", "resume_worst",
              within(f"<= {RESUME_BOUND:g} s")),
        Level("lost only in the window of the fault", "lost_outside_window",
              within("== 0"), enough, needs_generator=False),
        Level("latency without a fault", "latency_p95", within("<= 50 ms"), enough),
    ]  # fmt: skip
    if (context.state.binary.parent / "status2_load").exists():
        found.append(Level("latency of the steady load", "steady_latency_p95",
                           within("<= 50 ms"), 1000))  # fmt: skip
        found.append(Level("the steady load loses nothing", "steady_lost",
                           within("== 0"), 1000,
                           needs_generator=False))  # fmt: skip
    if context.state.load is not None:
        found.append(Level("k6 sees no connection fail", "k6_connection_failures",
                           within("== 0"), int(context.parameters["vus"]),
                           needs_generator=False))  # fmt: skip
    return found


DRILL = Drill(
    name="local",
    title="Redis restarts under load (no Docker)",
    proves="A restart of Redis closes no client, delivery resumes by itself, and "
    "what was lost meanwhile is told.",
    hypothesis=[
        Probe("the broker is ready", ready, within("== 1")),
        Probe("every witness is connected", witnesses_open, within(">= 10"),
              When.ALWAYS),
        Probe("latency, p95 of two seconds", recent_p95, within("<= 50 ms")),
    ],
    method=method,
    levels=levels,
    prepare=prepare,
    measure=measure,
    quick={"steady_seconds": 3, "calm_seconds": 4, "vus": 50},
    long={"viewers": 300, "rate": 20, "witnesses": 10, "vus": 100,
          "steady_seconds": 10, "calm_seconds": 15, "away_seconds": 1},
)  # fmt: skip
