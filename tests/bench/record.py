"""What an invocation measured, and its file."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from works import Work

FAULTS = ("lost", "duplicated", "reordered", "closed", "unexpected")
FORMAT = 2


@dataclass(frozen=True)
class Run:
    """One run of one server; `result` is what the load generator printed."""

    round: int
    server: str
    work: Work
    result: dict[str, Any]

    @property
    def void(self) -> bool:
        """The generator was the bottleneck: its figures say nothing."""
        return self.result["generator"]["bottleneck"] is not None

    def figure(self, path: tuple[str, ...]) -> float | None:
        value: Any = self.result
        for key in path:
            value = None if value is None else value[key]
        return None if value is None else float(value)


@dataclass(frozen=True)
class Record:
    """All runs of one invocation and the machine they ran on."""

    kind: str  # bench or growth
    time: str  # UTC
    machine: dict[str, Any]
    runs: list[Run] = field(default_factory=list)

    def works(self) -> list[Work]:
        return list(dict.fromkeys(run.work for run in self.runs))

    def servers(self) -> list[str]:
        return list(dict.fromkeys(run.server for run in self.runs))

    def valid(self, work: str, server: str) -> list[Run]:
        return [
            run
            for run in self.runs
            if run.work.name == work and run.server == server and not run.void
        ]

    def faults(self) -> dict[str, int]:
        return faults_of(self.runs)


def faults_of(runs: list[Run]) -> dict[str, int]:
    return {name: sum(run.result[name] for run in runs) for name in FAULTS}


def save(record: Record, path: Path) -> None:
    runs = [asdict(run) | {"void": run.void} for run in record.runs]
    whole = {"format": FORMAT, "kind": record.kind, "time": record.time}
    whole |= {"machine": record.machine, "runs": runs}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(whole, indent=1) + "\n")


def load(path: Path) -> Record:
    """Errors: ValueError if the file is not one of ours."""
    whole = json.loads(path.read_text())
    if not isinstance(whole, dict) or whole.get("format") != FORMAT:
        raise ValueError(f"{path} is not a record of format {FORMAT}")
    runs = [
        Run(run["round"], run["server"], Work(**run["work"]), run["result"])
        for run in whole["runs"]
    ]
    return Record(whole["kind"], whole["time"], whole["machine"], runs)
