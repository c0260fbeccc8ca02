"""Runs the project's own load generator, tests/bench's status2_load.

It publishes and views in one process, far above what k6 can do. It does not
survive a Redis outage, so it measures steady states.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .context import Context
from .errors import CouldNotRun
from .model import Better

ATTEMPTS = 2
EXTRA_SECONDS = 180.0  # connecting, warming up, and what is on its way


@dataclass(frozen=True)
class Work:
    viewers: int
    rate: float
    seconds: float
    channels: int = 1


def run_load(
    context: Context, name: str, command: Sequence[str], work: Work
) -> None:
    """Runs `command`, which is status2_load with its addresses, and notes what
    it measured; `tests/bench/README.md` explains the numbers.

    `name` begins the names of the measurements. A run in which the generator
    was the bottleneck is repeated; if it was again, that is noted.
    """
    whole = [
        *command, "--viewers", str(work.viewers), "--rate", f"{work.rate:g}",
        "--channels", str(work.channels), "--seconds", f"{work.seconds:g}",
    ]  # fmt: skip
    for _ in range(ATTEMPTS):
        done = context.run("status2_load", whole, work.seconds + EXTRA_SECONDS)
        report = _read(done.output)
        why = report["generator"]["bottleneck"]
        if not why:
            break
    else:
        context.bottleneck(f"status2_load: {why}", name)
    _note(context, report, name)


def _read(output: str) -> dict[str, Any]:
    try:
        return dict(json.loads(output.strip().splitlines()[-1]))
    except (ValueError, IndexError):
        raise CouldNotRun(f"status2_load said {output[-200:]!r}") from None


def _note(context: Context, report: dict[str, Any], name: str) -> None:
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
