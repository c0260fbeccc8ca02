"""A resume record as Markdown: the verdicts, then a row a scenario. Pure."""

from __future__ import annotations

from report import Row, facts, table
from resume_record import NEVER, Measured, Of, Outcome, ResumeRecord, outcomes
from resume_record import silent, statistic
from targets import Verdict

TARGET_HEADINGS = ["scenario", "target", "bound", "measured", "rounds", "verdict"]
FIGURE_HEADINGS = [
    "scenario",
    "rounds",
    "Redis away, s",
    "resume, ms: median",
    "worst",
    "from the attempt, ms: median",
    "worst",
    "last channel live, ms: median",
    "worst",
    "messages missed: median",
    "worst",
    "connects in a second",
]


def number(value: float | None, digits: int = 0) -> str:
    if value is None:
        return "–"
    return "never" if value == NEVER else f"{value:,.{digits}f}"


def pair(measured: Measured, figure: str, digits: int = 0) -> Row:
    values = measured.values(figure)
    return [number(statistic(values, of), digits) for of in Of]


def figure_row(measured: Measured) -> Row:
    away = statistic(measured.values("absent_ms"), Of.MEDIAN)
    return [
        measured.title,
        str(len(measured.rounds)),
        number(None if away is None else away / 1000, 1),
        *pair(measured, "resume_ms", 1),
        *pair(measured, "attempt_ms", 1),
        *pair(measured, "live_ms"),
        *pair(measured, "missed"),
        number(statistic(measured.values("connects"), Of.WORST)),
    ]


def target_row(record: ResumeRecord, outcome: Outcome) -> Row:
    target = outcome.target
    titles = {measured.name: measured.title for measured in record.scenarios}
    said = outcome.verdict.value
    seen = number(outcome.seen, 1 if target.unit else 0)
    if outcome.seen not in (None, NEVER):
        seen = f"{seen} {target.unit}".rstrip()
    return [
        titles[target.scenario],
        target.title,
        f"≤ {target.bound:g} {target.unit}".rstrip(),
        seen,
        str(outcome.rounds),
        f"**{said}**" if outcome.verdict is Verdict.MISSED else said,
    ]


def markdown(record: ResumeRecord) -> str:
    lines = facts(record.time, record.machine)
    for title in silent(record):
        lines += [f"**{title}: no line arrived before the deadline.**", ""]
    rows = [target_row(record, outcome) for outcome in outcomes(record)]
    if rows:
        lines += ["Targets:", "", *table(TARGET_HEADINGS, rows)]
    lines += ["Resume after an outage of Redis:", ""]
    lines += table(FIGURE_HEADINGS, [figure_row(each) for each in record.scenarios])
    return "\n".join(lines).rstrip() + "\n"
