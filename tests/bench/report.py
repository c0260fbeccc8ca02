"""A record as Markdown: what was measured on, the verdicts, a table a work."""

from __future__ import annotations

import statistics
from typing import Any

from ratios import CPU, YARDSTICK, figures, over_yardstick
from record import Record, faults_of
from targets import Base, Outcome, Verdict, outcomes

Row = list[str]

WORK_HEADINGS = [
    "server",
    "valid runs",
    "CPU µs a delivery (spread)",
    "× floor (spread)",
    "CPU %",
    "p50 / p95 / p99 ms",
    "deliveries/s",
    "KiB a connection",
    "CPU µs to open one",
    "lost / twice / out of order",
]
TARGET_HEADINGS = ["work", "target", "server", "bound", "measured", "rounds", "verdict"]


def table(headings: Row, rows: list[Row]) -> list[str]:
    lines = [headings, ["---"] * len(headings), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines] + [""]


def median(values: list[float], digits: int = 1) -> str:
    return f"{statistics.median(values):,.{digits}f}" if values else "–"


def with_spread(values: list[float], digits: int = 2) -> str:
    if not values:
        return "–"
    low, high = min(values), max(values)
    return f"{median(values, digits)} ({low:,.{digits}f}–{high:,.{digits}f})"


def work_row(record: Record, work: str, server: str) -> Row:
    valid = record.valid(work, server)
    ran = [r for r in record.runs if r.work.name == work and r.server == server]
    latency = " / ".join(
        median([us / 1000 for us in figures(valid, ("latency_us", name))], 2)
        for name in ("p50", "p95", "p99")
    )
    faults = faults_of(ran)
    return [
        server,
        f"{len(valid)} of {len(ran)}",
        with_spread(figures(valid, CPU)),
        with_spread(over_yardstick(record, work, server)),
        median(figures(valid, ("server", "cpu_percent"))),
        latency,
        median(figures(valid, ("deliveries_per_second",)), 0),
        median(figures(valid, ("server", "kib_per_connection"))),
        median(figures(valid, ("server", "cpu_us_per_connection"))),
        " / ".join(str(count) for count in list(faults.values())[:3]),
    ]


def work_tables(record: Record) -> list[str]:
    lines: list[str] = []
    for work in record.works():
        ran = {run.server for run in record.runs if run.work == work}
        servers = [server for server in record.servers() if server in ran]
        lines += [f"{work.title}:", ""]
        lines += table(
            WORK_HEADINGS, [work_row(record, work.name, name) for name in servers]
        )
    return lines


def measured(outcome: Outcome) -> str:
    if outcome.seen is None:
        return "–"
    unit = outcome.target.base.value or outcome.target.unit
    return f"{outcome.seen.median:.2f} ± {outcome.seen.half_range:.2f} {unit}"


def target_row(record: Record, outcome: Outcome) -> Row:
    target = outcome.target
    titles = {work.name: work.title for work in record.works()}
    sign = "≥" if target.at_least else "≤"
    unit = target.unit if target.base is Base.NOTHING else target.base.value
    said = outcome.verdict.value
    return [
        titles[target.work],
        target.title,
        outcome.server,
        f"{sign} {outcome.bound:g} {unit}",
        measured(outcome),
        str(len(outcome.seen.values) if outcome.seen else 0),
        f"**{said}**" if outcome.verdict is Verdict.MISSED else said,
    ]


def target_table(record: Record) -> list[str]:
    rows = [target_row(record, outcome) for outcome in outcomes(record)]
    return ["Targets:", "", *table(TARGET_HEADINGS, rows)] if rows else []


def growth_tables(record: Record) -> list[str]:
    """A row a number of subscribers or channels, a pair of columns a server."""
    servers = record.servers()
    headings = ["work"]
    for server in servers:
        headings.append(f"{server}, µs")
        if server != YARDSTICK:
            headings.append("× floor")
    rows: list[Row] = []
    for work in record.works():
        row = [work.title]
        for server in servers:
            row.append(with_spread(figures(record.valid(work.name, server), CPU)))
            if server != YARDSTICK:
                row.append(median(over_yardstick(record, work.name, server), 2))
        rows.append(row)
    return ["CPU a delivery, by number:", "", *table(headings, rows)]


def facts(time: str, machine: dict[str, Any]) -> list[str]:
    packages = ", ".join(f"{k} {v}" for k, v in machine["packages"].items())
    network = "own namespace" if machine["own_network"] else "the machine's"
    lines = [
        f"Measured {time} (UTC), commit {machine['commit']}: {machine['cpu']},"
        f" {machine['cores']} cores, Linux {machine['kernel']}, Debian"
        f" {machine['debian']}; loopback of {network},"
        f" {machine['congestion_control']}; {packages or 'no packages known'}."
        f" Load average {machine['load_average_before']:.2f} before and"
        f" {machine['load_average_after']:.2f} after.",
        "",
    ]
    for server, why in machine["left_out"].items():
        lines += [f"Left out: {server}, because {why}.", ""]
    return lines


def fault_line(record: Record) -> list[str]:
    faults = {name: count for name, count in record.faults().items() if count}
    said = f"**Deliveries were at fault: {faults}.**" if faults else (
        "Nothing was lost, duplicated or reordered, no connection closed."
    )  # fmt: skip
    void = sum(run.void for run in record.runs)
    return [f"{len(record.runs)} runs, {void} void. {said}", ""]


def markdown(record: Record) -> str:
    body = (
        growth_tables(record)
        if record.kind == "growth"
        else target_table(record) + work_tables(record)
    )
    head = facts(record.time, record.machine) + fault_line(record)
    return "\n".join([*head, *body]).rstrip() + "\n"
