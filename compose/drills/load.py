"""Runs the project's own load generator, tests/bench's status2_load.

It publishes and views in one process, far above what k6 can do. It does not
survive a Redis outage, so it measures steady states.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .context import Context
from .errors import CouldNotRun
from .model import Better

EXTRA_SECONDS = 180.0  # connecting, warming up, and what is on its way


@dataclass(frozen=True)
class Work:
    viewers: int
    rate: float
    seconds: float
    channels: int = 1


def run_load(
    context: Context, binary: Path, port: int, redis_port: int,
    pids: Sequence[int], work: Work,
) -> dict[str, Any]:  # fmt: skip
    """What status2_load prints; `tests/bench/README.md` explains it.

    Notes a bottleneck if the generator says that it was one.
    """
    command = [
        str(binary), "--port", str(port), "--redis-port", str(redis_port),
        "--viewers", str(work.viewers), "--rate", f"{work.rate:g}",
        "--channels", str(work.channels), "--seconds", f"{work.seconds:g}",
    ]  # fmt: skip
    for pid in pids:
        command += ["--pid", str(pid)]
    done = context.run("status2_load", command, work.seconds + EXTRA_SECONDS)
    try:
        report = json.loads(done.output.strip().splitlines()[-1])
    except (ValueError, IndexError):
        raise CouldNotRun(f"status2_load said {done.output[-200:]!r}") from None
    if why := report["generator"]["bottleneck"]:
        context.bottleneck(f"status2_load: {why}")
    return dict(report)


def note(context: Context, report: dict[str, Any], name: str) -> None:
    """The measurements of such a report, their names led by `name`."""
    deliveries = int(report["deliveries"])
    for share in ("p50", "p95", "p99"):
        micros = (report["latency_us"] or {}).get(share)
        context.measured(
            f"{name}_latency_{share}", None if micros is None else micros / 1000,
            "ms", deliveries, noise=0.3, noise_floor=2.0,
        )  # fmt: skip
    context.measured(
        f"{name}_cpu_per_delivery", report["server"]["cpu_us_per_delivery"], "µs",
        deliveries, noise=0.2,
    )  # fmt: skip
    context.measured(
        f"{name}_deliveries", report["deliveries_per_second"], "a second",
        deliveries, Better.HIGHER, noise=0.05,
    )  # fmt: skip
    for fault in ("lost", "duplicated", "reordered", "closed"):
        context.measured(f"{name}_{fault}", report[fault], "", deliveries)
    context.measured(
        f"{name}_generator_cpu", report["generator"]["cpu_percent"], "% of a core",
        better=Better.NEITHER,
    )  # fmt: skip
