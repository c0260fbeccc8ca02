"""Runs k6 with the project's script, and reads what it measured."""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .clock import unix_time
from .context import Context
from .errors import CouldNotRun
from .machine import ROOT
from .process import Child
from .samplers import INTERVAL
from .series import percentile

SCRIPT = ROOT / "compose/k6/status2-load.js"
BUILD = ROOT / "compose/k6/build"
CROSSED_THRESHOLD = 99
# k6 needs a core for 100 messages a second to 300 viewers, and its latencies
# are its own long before: above this share of all cores it is not believed.
BUSY_SHARE = 0.3
START_SECONDS = 30.0


def find(context: Context, build: bool = True) -> str | None:
    """The path of k6 in the version of this project; None if there is none.

    Blocks: for minutes, the first time, if it may be built.
    """
    command = [str(BUILD)] if build else [str(BUILD), "--find"]
    done = context.run("find k6", command, 1200, check=build)
    if done.exit_code != 0:
        return None
    path = done.output.strip().splitlines()[-1]
    version = context.run("k6 version", [path, "version"], 20).output
    context.versions["k6"] = version.splitlines()[0]
    return path


@dataclass(frozen=True)
class Result:
    """What k6 said at its end: metric name to its values."""

    exit_code: int
    metrics: Mapping[str, Mapping[str, Any]]

    def count(self, metric: str) -> int:
        """Of a counter; 0 if nobody counted."""
        return int(self.metrics.get(metric, {}).get("count", 0))

    def trend(self, metric: str, share: str) -> float:
        """Such as `p(95)`; NaN without a sample, where k6 itself says 0."""
        values = self.metrics.get(metric, {})
        return float(values[share]) if values.get("count") else math.nan


class K6:
    """A k6 under way. Its own end is its duration's; `finish` waits for it."""

    def __init__(
        self, context: Context, path: str, url: str, run_id: str, channel: str,
        vus: int, seconds: float, settings: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        self._context, self._seconds = context, seconds
        self._summary = context.folder / "k6-summary.json"
        self._points = context.folder / "k6-points.json.gz"
        environment = {
            "STATUS2_WS_URL": url, "STATUS2_RUN_ID": run_id,
            "STATUS2_CHANNEL": channel, "STATUS2_VUS": str(vus),
            "STATUS2_DURATION": f"{round(seconds * 1000)}ms",
            "K6_NO_USAGE_REPORT": "true",
        } | dict(settings or {})  # fmt: skip
        # k6 may hang past its own limits (docs of the script): timeout ends it,
        # and setpriv ends k6 if timeout is killed.
        command = [
            "timeout", "-k", "5", f"{math.ceil(seconds + 2 * START_SECONDS)}",
            "setpriv", "--pdeathsig", "KILL", "--",
            path, "run", "--no-color", "--quiet", "--no-usage-report",
            "--summary-export", str(self._summary),
            "--out", f"json={self._points}", str(SCRIPT),
        ]  # fmt: skip
        self.child: Child = context.start("k6", command, environment)
        context.watch_process("k6", self.child)

    def finish(self, cores: int) -> Result:
        """Errors: CouldNotRun if k6 did not get to a summary."""
        code = self.child.wait(self._seconds + 3 * START_SECONDS)
        if code not in (0, CROSSED_THRESHOLD) or not self._summary.exists():
            raise CouldNotRun(f"k6 ended with {code}: {self.child.tail()}")
        metrics = json.loads(self._summary.read_text())["metrics"]
        self._judge_itself(cores)
        self._add_series()
        return Result(code, metrics)

    def _judge_itself(self, cores: int) -> None:
        used = self._context.series.values("cpu_percent:k6")
        busy = percentile(used, 50)
        if used and busy > BUSY_SHARE * cores * 100:
            self._context.bottleneck(
                f"k6 used {busy:.0f} % of a core, of {cores} cores", "k6_"
            )

    def _add_series(self) -> None:
        """Percentiles of each second, from k6's own time series."""
        buckets: dict[int, list[float]] = {}
        with gzip.open(self._points, "rt", encoding="utf-8") as lines:
            for line in lines:
                if '"status2_message_latency_ms"' not in line:
                    continue
                point = json.loads(line)
                if point["type"] == "Point":
                    data = point["data"]
                    second = int(unix_time(_utc(data["time"])) / INTERVAL)
                    buckets.setdefault(second, []).append(data["value"])
        for second, values in sorted(buckets.items()):
            for share in (50, 95, 99):
                self._context.series.add(
                    f"k6_latency_p{share}_ms", percentile(values, share),
                    second * INTERVAL + INTERVAL / 2,
                )  # fmt: skip


def _utc(stamp: str) -> str:
    """k6 writes nanoseconds, which Python's parser does not take."""
    head, dot, tail = stamp.partition(".")
    if not dot:
        return stamp
    digits = 0
    while digits < len(tail) and tail[digits].isdigit():
        digits += 1
    return f"{head}.{tail[:min(digits, 6)]:0<6}{tail[digits:]}"


