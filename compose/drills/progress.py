"""What the person at the terminal sees: a line a phase, with a bar."""

from __future__ import annotations

import sys
import time
from typing import TextIO

BAR = 24


class Progress:
    """On a terminal one line is drawn over and over; elsewhere, for example
    in CI's log, each phase is one plain line when it ends."""

    def __init__(self, out: TextIO | None = None) -> None:
        self._out = sys.stderr if out is None else out
        self._terminal = self._out.isatty()
        self._label = ""
        self._begun = 0.0
        self._open = False

    def begin(self, label: str) -> None:
        self.end("")
        self._label, self._begun, self._open = label, time.monotonic(), True
        self.update(0.0)

    def update(self, share: float, text: str = "") -> None:
        """`share` of the phase that is over, from 0 to 1."""
        if self._terminal and self._open:
            filled = round(min(max(share, 0.0), 1.0) * BAR)
            bar = "█" * filled + "·" * (BAR - filled)
            line = f"{self._label:<34.34} {bar} {text}"
            self._out.write(f"\r\033[K{line:.100}")
            self._out.flush()

    def end(self, result: str = "done") -> None:
        if not self._open:
            return
        self._open = False
        seconds = time.monotonic() - self._begun
        line = f"{self._label:<34} {result} ({seconds:.1f} s)"
        self._out.write(f"\r\033[K{line}\n" if self._terminal else f"{line}\n")
        self._out.flush()

    def say(self, text: str) -> None:
        """A line of its own."""
        self.end("")
        self._out.write(text + "\n")
        self._out.flush()
