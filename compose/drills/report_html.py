"""report.html: one page that asks nobody for anything, readable on paper."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from . import plots
from .compare import Comparison
from .judging import DrillResult
from .verdict import Verdict

_STYLE = (Path(__file__).resolve().parent / "report.css").read_text()


def _text(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 10_000 else f"{value:,.0f}"
    return escape(str(value))


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """The last cell of a row may be a state, which gets a colour by its class."""
    lines = ["<table><thead><tr>"]
    lines += [f"<th>{escape(cell)}</th>" for cell in head]
    lines.append("</tr></thead><tbody>")
    count = 0
    for row in rows:
        count += 1
        cells = "".join(
            f'<td class="{"n" if isinstance(cell, (int, float)) else "t"} '
            f'{escape(str(cell)).replace(" ", "-") if i == len(row) - 1 else ""}">'
            f"{_text(cell)}</td>"
            for i, cell in enumerate(row)
        )
        lines.append(f"<tr>{cells}</tr>")
    lines.append("</tbody></table>")
    return "".join(lines) if count else "<p>none</p>"


def _summary(data: Mapping[str, Any]) -> str:
    rows = [
        (
            name,
            drill["title"],
            "; ".join(drill["reasons"]) or "–",
            drill["verdict"].replace("_", " "),
        )
        for name, drill in data["drills"].items()
    ]
    return _table(("drill", "what", "why", "verdict"), rows)


def _levels(drill: Mapping[str, Any]) -> str:
    rows = (
        (x["name"], x["bound"], x["value"], x["unit"], x["samples"], x["state"])
        for x in drill["levels"]
    )
    head = ("service level", "promised", "measured", "unit", "samples", "verdict")
    return _table(head, rows)


def _probes(run: Mapping[str, Any]) -> str:
    rows = (
        (p["name"], p["when"], p["tolerance"], p["value"], p["asked"],
         p["error"] or "–", "held" if p["held"] else "missed")
        for p in run["probes"]
    )  # fmt: skip
    head = ("probe", "when", "tolerated", "value", "asked", "error", "verdict")
    return _table(head, rows)


def _measurements(drill: Mapping[str, Any]) -> str:
    rows = (
        (
            name, m["median"], m["unit"], sum(m["samples"]),
            ", ".join(_text(v) for v in m["values"]) if len(m["values"]) > 1 else "–",
            m["better"],
        )
        for name, m in drill["measurements"].items()
    )  # fmt: skip
    head = ("metric", "median", "unit", "samples", "repeats", "better")
    return _table(head, rows)


def _faults(run: Mapping[str, Any]) -> str:
    rows = ((f["name"], f["begin"], f["end"] or "never") for f in run["faults"])
    return _table(("fault", "injected", "shown to be undone"), rows)


def _pictures(result: DrillResult, index: int) -> str:
    if not plots.available():
        return f'<p class="note">{escape(plots.MISSING)}</p>'
    run = result.runs[index]
    drawn = plots.usual(run.series, result.drill.charts)
    return "".join(
        f"<figure>{plots.svg(p, run.windows, run.begun, run.ended, salt)}</figure>"
        for number, p in enumerate(drawn)
        for salt in [f"{result.drill.name}-{index}-{number}"]
    )


def _drill(result: DrillResult, drill: Mapping[str, Any]) -> str:
    verdict = Verdict(drill["exit_code"])
    parts = [
        f"<section><h2>{escape(result.drill.name)}: {escape(drill['title'])}</h2>",
        f'<p class="verdict {drill["verdict"].replace("_", "-")}">{verdict.text}</p>',
        f"<p>{escape(drill['proves'])}</p>",
    ]
    if drill["reasons"]:
        items = "".join(f"<li>{escape(r)}</li>" for r in drill["reasons"])
        parts.append(f"<ul>{items}</ul>")
    parts += [_levels(drill), "<h3>Measurements</h3>", _measurements(drill)]
    for index, run in enumerate(drill["runs"]):
        many = len(drill["runs"]) > 1
        parts += [
            f"<h3>Run {index + 1}</h3>" if many else "<h3>Over time</h3>",
            _pictures(result, index),
            "<h3>Hypothesis</h3>", _probes(run),
            "<h3>Faults</h3>", _faults(run),
            f"<p>Journal, logs and series: <code>{escape(run['folder'])}/</code></p>",
        ]  # fmt: skip
    return "".join(parts) + "</section>"


def _comparison(comparison: Comparison | None) -> str:
    if comparison is None:
        return ""
    rows = (
        (d.drill, d.metric, d.before, d.after, d.unit, f"± {d.noise:.3g} ({d.basis})",
         d.state)
        for d in comparison.differences
    )  # fmt: skip
    head = ("drill", "metric", "baseline", "now", "unit", "noise", "verdict")
    notes = "".join(f"<li>{escape(n)}</li>" for n in comparison.notes)
    return f"<h2>Beside the baseline</h2>{_table(head, rows)}<ul>{notes}</ul>"


def page(
    data: Mapping[str, Any],
    results: Sequence[DrillResult],
    comparison: Comparison | None = None,
) -> str:
    verdict = Verdict(data["exit_code"])
    title = f"Drills of {data['commit']}, {data['begun']}"
    where = [*data["machine"].items(), *data["versions"].items()]
    drills = zip(results, data["drills"].values())
    return "".join([
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{escape(title)}</h1>",
        f'<p class="verdict {data["verdict"].replace("_", "-")}">{verdict.text} '
        f"(exit code {int(verdict)}{', quick form' if data['quick'] else ''})</p>",
        _summary(data), _comparison(comparison),
        *(_drill(result, drill) for result, drill in drills),
        "<h2>Machine and versions</h2>",
        _table(("what", "value"), ((k, str(v)) for k, v in where)),
        "</body></html>\n",
    ])  # fmt: skip
