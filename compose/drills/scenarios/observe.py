"""`observe`: what the broker says of itself is complete and true."""

from __future__ import annotations

import re
from collections.abc import Sequence

from drills import crowd, machine, outage, prometheus, stack
from drills.context import Context
from drills.model import Better, Drill, Level, Step
from drills.tolerance import within

DOCS = machine.ROOT / "docs"


def documented_metrics() -> set[str]:
    return set(re.findall(r"`(status2_[a-z0-9_]+)`", (DOCS / "metrics.md").read_text()))


def documented_messages() -> set[str]:
    """The `msg` column of docs/logs.md."""
    rows = re.findall(
        r"^\|[^|]*\|[^|]*\| `([^`]+)` \|", (DOCS / "logs.md").read_text(), re.MULTILINE
    )
    return set(rows)


def published_in_redis(context: Context) -> int:
    """PUBLISH calls, by Redis's own count."""
    said = context.run("INFO commandstats", [
        "docker", "exec", context.state.stack.container("redis"),
        "redis-cli", "INFO", "commandstats",
    ], 20).output  # fmt: skip
    match = re.search(r"cmdstat_publish:calls=(\d+)", said)
    return int(match[1]) if match else 0


def forwarded() -> int:
    return int(prometheus.totals(stack.page("/metrics")[1])["status2_messages_forwarded_total"])


def prepare(context: Context) -> None:
    # The canary publishes as well: what is counted here is the load alone.
    services = stack.Stack(context, settings={
        "STATUS_CANARY_INTERVAL": "0s", "STATUS_LOG_LEVEL": "debug",
    })  # fmt: skip
    outage.start(context, services)


def method(context: Context) -> Sequence[Step]:
    return [
        outage.calm(context, "load"),
        Step("a link that dies, for its log lines", die_and_come_back, seconds=60),
        outage.calm(context, "load afterwards"),
    ]


def die_and_come_back(context: Context) -> None:
    stack.chaos("POST", "kill", {"actor": "redis-link"})
    context.eventually(lambda: stack.ready() == 1, 20, "the broker is ready again")


def measure(context: Context) -> None:
    found = context.state.crowd.finish()
    page = stack.page("/metrics")[1]
    context.measured("metrics_missing", len(missing_metrics(page)), "")
    for name in sorted(missing_metrics(page)):
        context.journal.note("a documented metric is missing", name)
    measure_log(context)
    published = published_in_redis(context)
    context.measured("publisher_and_redis", abs(found["published"] - published), "",
                     found["published"])  # fmt: skip
    context.measured("broker_and_clients", abs(forwarded() - found["received"]), "",
                     found["received"])  # fmt: skip
    due = found["published"] * context.parameters["viewers"] // int(
        context.parameters["channels"]
    )
    accounted = found["received"] + found["lost_told"] + found["lost_untold"]
    context.measured("published_and_accounted", abs(due - accounted), "", int(due))


def missing_metrics(page: str) -> set[str]:
    there = set(re.findall(r"^# TYPE (status2_[a-z0-9_]+) ", page, re.MULTILINE))
    return {
        name for name in documented_metrics()
        if name not in there
        and re.sub(r"_(bucket|sum|count)$", "", name) not in there
    }  # fmt: skip


def measure_log(context: Context) -> None:
    lines = context.state.stack.logs("status")
    said = {str(line.get("msg")) for line in lines}
    known = documented_messages()
    for name in sorted(said - known):
        context.journal.note("a log message is not documented", name)
    context.measured("messages_undocumented", len(said - known), "", len(lines))
    # Most of these are of faults that this drill does not inject.
    context.journal.note("documented, not seen here", ", ".join(sorted(known - said)))
    context.measured("messages_seen", len(said & known), "", better=Better.NEITHER)


def levels(context: Context) -> Sequence[Level]:
    minimum = outage.enough(context)
    quiet = {"needs_generator": False}
    return [
        *crowd.delivery_levels(minimum),
        Level("documented metrics that are missing", "metrics_missing",
              within("== 0"), **quiet),
        Level("log messages that are not documented", "messages_undocumented",
              within("== 0"), 5, **quiet),
        Level("publisher and Redis agree", "publisher_and_redis", within("== 0"),
              100, **quiet),
        Level("broker and clients agree", "broker_and_clients", within("== 0"),
              minimum, **quiet),
        Level("what was published is delivered, or lost and told",
              "published_and_accounted", within("== 0"), minimum, **quiet),
    ]  # fmt: skip


DRILL = Drill(
    name="observe",
    title="Metrics, logs and counts agree",
    proves="Every documented metric is there, every log line is documented, and "
    "publisher, Redis, broker and clients count the same.",
    hypothesis=outage.HYPOTHESIS,
    method=method,
    levels=levels,
    prepare=prepare,
    measure=measure,
    quick={"viewers": 100, "calm_seconds": 4},
    long=outage.LONG,
)
