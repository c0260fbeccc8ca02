"""SIGINT, SIGTERM and SIGHUP as an exception that runs every `finally`."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from .errors import Interrupted

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Signals:
    """Raises Interrupted in the main thread; not while faults are undone."""

    def __init__(self) -> None:
        self._shields = 0
        self._waiting: str | None = None

    @contextmanager
    def caught(self) -> Iterator[None]:
        before = {number: signal.signal(number, self._on) for number in NUMBERS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """What is inside is done as a whole; a signal counts afterwards."""
        with self.held_back():
            yield
        if not self._shields and (name := self.take()):
            raise Interrupted(name)

    @contextmanager
    def held_back(self) -> Iterator[None]:
        """A signal that comes inside is remembered; `take` tells. What runs
        inside has deadlines of its own."""
        self._shields += 1
        try:
            yield
        finally:
            self._shields -= 1

    def take(self) -> str | None:
        """The signal that was held back, once."""
        name, self._waiting = self._waiting, None
        return name

    def _on(self, number: int, _frame: FrameType | None) -> None:
        name = signal.Signals(number).name
        if self._shields:
            self._waiting = name
            return
        raise Interrupted(name)
