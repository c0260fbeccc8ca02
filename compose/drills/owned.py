"""Processes of a run: told apart by id and start time, ended by id."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .clock import eventually
from .errors import TimedOut

# In the environment of all that a run starts; its value is the run.
MARK = "STATUS2_DRILL_RUN"
TERM_SECONDS = 10.0
KILL_SECONDS = 5.0


@dataclass(frozen=True)
class ProcessId:
    """A pid alone may come to be another process; with its start it cannot."""

    pid: int
    start_ticks: int


def _stat(pid: int) -> list[str]:
    """Fields of /proc/<pid>/stat from the third on; the name may hold spaces."""
    text = Path(f"/proc/{pid}/stat").read_text()
    return text[text.rindex(")") + 2 :].split()


def identity(pid: int) -> ProcessId:
    """Errors: OSError if there is no such process."""
    return ProcessId(pid, int(_stat(pid)[19]))


def is_running(process: ProcessId) -> bool:
    try:
        fields = _stat(process.pid)
    except OSError:
        return False
    return fields[0] not in "ZX" and int(fields[19]) == process.start_ticks


def _carries_mark(pid: int, run: str) -> bool:
    with suppress(OSError):
        environment = Path(f"/proc/{pid}/environ").read_bytes()
        return f"{MARK}={run}".encode() in environment.split(b"\0")
    return False


def owned(run: str, children: Sequence[ProcessId]) -> list[ProcessId]:
    """The children, what is in their sessions, and what carries the mark."""
    sessions = {child.pid for child in children if is_running(child)}
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit() or int(folder.name) == os.getpid():
            continue
        pid = int(folder.name)
        with suppress(OSError):
            fields = _stat(pid)
            if fields[0] in "ZX":
                continue
            in_session = pid in sessions or int(fields[3]) in sessions
            if in_session or _carries_mark(pid, run):
                found.append(ProcessId(pid, int(fields[19])))
    return found


def _send(processes: Sequence[ProcessId], number: signal.Signals) -> None:
    for process in processes:
        if is_running(process):
            with suppress(ProcessLookupError):
                os.kill(process.pid, number)


def end_owned(run: str, children: Sequence[ProcessId]) -> bool:
    """True when none of them runs any more."""
    for number, seconds in (
        (signal.SIGTERM, TERM_SECONDS),
        (signal.SIGKILL, KILL_SECONDS),
    ):
        found = owned(run, children)
        _send(found, number)
        with suppress(TimedOut):
            eventually(
                lambda: not any(map(is_running, found)), seconds, "processes end"
            )
    return not owned(run, children)
