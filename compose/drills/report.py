"""report.json and junit.xml: what came of an invocation, for programs."""

from __future__ import annotations

import json
import math
import statistics
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .clock import rfc3339
from .engine import Run
from .judging import DrillResult
from .redaction import Redactor
from .verdict import Verdict

FORMAT = 1


@dataclass
class Report:
    """All drills of one invocation, and where it took place."""

    begun: float
    ended: float
    commit: str
    quick: bool
    machine: dict[str, Any]
    versions: dict[str, str]
    results: Sequence[DrillResult]
    verdict: Verdict
    reasons: Sequence[str] = ()


def _number(value: float | None) -> float | None:
    """JSON has no NaN."""
    return None if value is None or not math.isfinite(value) else value


def _measurements(runs: Sequence[Run]) -> dict[str, Any]:
    names = sorted({name for run in runs for name in run.measurements})
    found = {}
    for name in names:
        each = [run.measurements[name] for run in runs if name in run.measurements]
        values = [v for m in each if (v := _number(m.value)) is not None]
        found[name] = {
            "values": values,
            "median": statistics.median(values) if values else None,
            "unit": each[0].unit,
            "samples": [m.samples for m in each],
            "better": each[0].better.value,
            "noise": each[0].noise,
            "noise_floor": each[0].noise_floor,
        }
    return found


def _run(run: Run, folder: Path) -> dict[str, Any]:
    return {
        "folder": str(run.folder.relative_to(folder)),
        "begun": rfc3339(run.begun),
        "seconds": round(run.ended - run.begun, 3),
        "failure": run.failure,
        "not_undone": run.not_undone,
        "bottlenecks": [asdict(b) for b in run.bottlenecks],
        "steps": run.steps,
        "probes": [asdict(p) | {"value": _number(p.value)} for p in run.probes],
        "faults": [
            {
                "name": w.name,
                "begin": rfc3339(w.begin),
                "end": rfc3339(w.end) if w.end else None,
            }
            for w in run.windows
        ],
    }


def _drill(result: DrillResult, folder: Path) -> dict[str, Any]:
    drill = result.drill
    levels = [asdict(x) | {"value": _number(x.value)} for x in result.levels]
    return {
        "title": drill.title,
        "proves": drill.proves,
        "verdict": result.verdict.name.lower(),
        "exit_code": int(result.verdict),
        "reasons": result.reasons,
        "levels": levels,
        "measurements": _measurements(result.runs),
        "runs": [_run(run, folder) for run in result.runs],
    }


def as_data(report: Report, folder: Path) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "begun": rfc3339(report.begun),
        "ended": rfc3339(report.ended),
        "commit": report.commit,
        "quick": report.quick,
        "verdict": report.verdict.name.lower(),
        "exit_code": int(report.verdict),
        "reasons": list(report.reasons),
        "machine": report.machine,
        "versions": report.versions,
        "drills": {r.drill.name: _drill(r, folder) for r in report.results},
    }


def write_json(data: dict[str, Any], file: Path) -> None:
    file.write_text(json.dumps(data, indent=1, allow_nan=False) + "\n")


def _printable(text: str) -> str:
    """XML 1.0 has no control characters, not even escaped."""
    return "".join(c for c in text if c in "\t\n" or c.isprintable())


def _case(suite: ElementTree.Element, drill: str, level: dict[str, Any]) -> None:
    case = ElementTree.SubElement(
        suite, "testcase", classname=f"drills.{drill}", name=_printable(level["name"])
    )
    if level["state"] != "held":
        # JUnit knows no "unknown"; an error is what was not decided.
        kind = "failure" if level["state"] == "missed" else "error"
        ElementTree.SubElement(case, kind, message=_printable(level["why"]))


def write_junit(data: dict[str, Any], file: Path) -> None:
    """A suite a drill, a case a service level, and one case for the run."""
    root = ElementTree.Element("testsuites", name="drills")
    for name, drill in data["drills"].items():
        suite = ElementTree.SubElement(
            root, "testsuite", name=f"drills.{name}",
            timestamp=drill["runs"][0]["begun"] if drill["runs"] else data["begun"],
            time=f"{sum(run['seconds'] for run in drill['runs']):.3f}",
        )  # fmt: skip
        for level in drill["levels"]:
            _case(suite, name, level)
        passed = drill["exit_code"] in (0, int(Verdict.MISSED))
        whole = {
            "name": "the drill ran to its end and was undone",
            "state": "held" if passed else "unknown",
            "why": "; ".join(drill["reasons"]),
        }
        if drill["exit_code"] == int(Verdict.MISSED) and not any(
            level["state"] == "missed" for level in drill["levels"]
        ):
            whole |= {"name": "the hypothesis holds", "state": "missed"}
        _case(suite, name, whole)
        for kind in ("failure", "error"):
            count = len(suite.findall(f"testcase/{kind}"))
            suite.set({"failure": "failures", "error": "errors"}[kind], str(count))
        suite.set("tests", str(len(suite.findall("testcase"))))
    ElementTree.indent(root)
    ElementTree.ElementTree(root).write(file, "utf-8", xml_declaration=True)


def write_all(report: Report, folder: Path, redactor: Redactor) -> dict[str, Any]:
    """report.json and junit.xml; returns what the page is made of."""
    data = redactor.clean(as_data(report, folder))
    assert isinstance(data, dict)
    write_json(data, folder / "report.json")
    write_junit(data, folder / "junit.xml")
    return data
