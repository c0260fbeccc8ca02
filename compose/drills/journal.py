"""journal.jsonl: every activity of a run, one JSON object a line.

An activity has two lines: `begun`, so that a killed run shows what it was at,
and `ended`, which repeats all of it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from .clock import rfc3339
from .redaction import Redactor

OUTPUT_LIMIT = 4000  # characters kept of what a command said


@dataclass
class Activity:
    """What happened; the one who does it fills in the second half."""

    number: int
    name: str
    command: list[str] = field(default_factory=list)
    start: str = ""
    end: str = ""
    exit_code: int | None = None
    output: str = ""
    error: str = ""


def shortened(text: str, limit: int = OUTPUT_LIMIT) -> str:
    """Beginning and end of a long text."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n[{len(text) - 2 * half} characters cut]\n{text[-half:]}"


class Journal:
    """Thread: any; lines never mix."""

    def __init__(self, file: Path, redactor: Redactor) -> None:
        self._redactor = redactor
        self._lock = threading.Lock()
        self._out: IO[str] = file.open("a", encoding="utf-8")
        self._count = 0
        self.run = ""  # whose activities these are: drill and repeat

    @contextmanager
    def activity(self, name: str, command: Sequence[str] = ()) -> Iterator[Activity]:
        """Writes both lines; an exception is noted and passed on."""
        with self._lock:
            self._count += 1
            number = self._count
        entry = Activity(number, name, list(command), start=rfc3339())
        self._write("begun", entry)
        try:
            yield entry
        except BaseException as error:
            entry.error = f"{type(error).__name__}: {error}"
            raise
        finally:
            entry.end = rfc3339()
            self._write("ended", entry)

    def note(self, name: str, text: str = "") -> None:
        """Something that takes no time."""
        with self.activity(name) as entry:
            entry.output = text

    def close(self) -> None:
        with self._lock:
            self._out.close()

    def _write(self, state: str, entry: Activity) -> None:
        record = {"state": state, "run": self.run} | {
            key: value
            for key, value in vars(entry).items()
            if value not in ("", None, [])
        }
        # Redacted before it is cut: half a secret is a secret too.
        record = self._redactor.clean(record)
        assert isinstance(record, dict)
        if "output" in record:
            record["output"] = shortened(record["output"])
        with self._lock:
            if not self._out.closed:
                self._out.write(json.dumps(record) + "\n")
                self._out.flush()
