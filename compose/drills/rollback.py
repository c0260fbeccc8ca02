"""The rollback journal: what must be undone if this process dies now.

A file a fault, written before the fault is injected and removed when it is
shown to be undone. `drill cleanup` reads what a SIGKILL left.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from .clock import rfc3339
from .errors import CouldNotRun
from .model import OWN_PROCESSES
from .owned import ProcessId, end_owned, identity, is_running

COMMAND_SECONDS = 60.0


@dataclass
class Entry:
    """One fault, or (with no step) one run that may have left processes."""

    run: str
    owner: ProcessId
    drill: str
    step: str
    at: str
    undo: list[str]
    check: list[str]
    children: list[ProcessId]


class RollbackLog:
    """The entries of one run, in a folder that all runs share."""

    def __init__(self, folder: Path, run: str, drill: str) -> None:
        self._folder = folder
        self._drill = drill
        self._run = run
        self._count = 0
        folder.mkdir(parents=True, exist_ok=True)
        self._own = self._entry("", list(OWN_PROCESSES), [])
        self._own_file = folder / f"{run}-000.json"
        _write(self._own_file, self._own)

    def child(self, pid: int) -> None:
        """A process was started; it is ended if this one dies."""
        self._own.children.append(identity(pid))
        _write(self._own_file, self._own)

    def fault(self, step: str, undo: list[str], check: list[str]) -> Path:
        """Call before the fault is injected; `done` takes what this returns."""
        self._count += 1
        file = self._folder / f"{self._run}-{self._count:03}.json"
        _write(file, self._entry(step, undo, check))
        return file

    def undo(self, file: Path) -> None:
        """Undoes what `fault` noted, by its command.

        Errors: CouldNotRun if it is still there; its entry stays then."""
        if failure := clean_up(file, read(file)):
            raise CouldNotRun(f"{read(file).step} is still there: {failure}")

    def done(self, file: Path) -> None:
        file.unlink(missing_ok=True)

    def end_processes(self) -> None:
        """The end of the run: whatever it started and does not know of."""
        if not end_owned(self._run, self._own.children):
            raise CouldNotRun("processes that the run started do not end")
        self._own_file.unlink(missing_ok=True)

    def _entry(self, step: str, undo: list[str], check: list[str]) -> Entry:
        return Entry(
            self._run, identity(os.getpid()), self._drill, step, rfc3339(),
            undo, check, [],
        )  # fmt: skip


def _write(file: Path, entry: Entry) -> None:
    """Whole or not at all, and on the disk before this returns."""
    temporary = file.with_suffix(".new")
    with temporary.open("w", encoding="utf-8") as out:
        json.dump(asdict(entry), out, indent=1)
        out.flush()
        os.fsync(out.fileno())
    temporary.replace(file)
    folder = os.open(file.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


def read(file: Path) -> Entry:
    data = json.loads(file.read_text())
    data["owner"] = ProcessId(**data["owner"])
    data["children"] = [ProcessId(**child) for child in data["children"]]
    return Entry(**data)


def leftovers(folder: Path) -> Iterator[tuple[Path, Entry]]:
    """Entries of runs that are gone; of each run, the last fault first."""
    for file in sorted(folder.glob("*.json"), reverse=True):
        entry = read(file)
        if not is_running(entry.owner):
            yield file, entry


def _run(command: list[str]) -> str:
    """Empty if it exited 0, else what went wrong."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=COMMAND_SECONDS,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return "" if done.returncode == 0 else f"exit {done.returncode}: {done.stderr}"


def clean_up(file: Path, entry: Entry) -> str:
    """Undoes one entry and removes it. Empty, or why it is still there."""
    failure = ""
    if entry.undo != list(OWN_PROCESSES):
        failure = _run(entry.undo)
        if entry.check:
            # The check decides: what is undone already may refuse the command.
            failure = _run(entry.check)
    elif not end_owned(entry.run, entry.children):
        failure = "processes of that run did not end"
    if not failure:
        file.unlink(missing_ok=True)
    return failure
