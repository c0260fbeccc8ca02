"""Injects the faults of a drill and undoes them on every way out."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from .clock import deadline, eventually
from .context import Context
from .model import Step
from .rollback import RollbackLog
from .series import Window
from .signals import Signals

UNDONE_SECONDS = 30.0


@dataclass
class _Open:
    """A fault that is in place, or may be."""

    step: Step
    window: Window
    entry: Path


class Faults:
    """Those that are in place, in the order in which they were injected."""

    def __init__(
        self, context: Context, rollback: RollbackLog, signals: Signals
    ) -> None:
        self._context, self._rollback = context, rollback
        self._signals = signals
        self._open: list[_Open] = []
        self.not_undone: list[str] = []

    def inject(self, step: Step) -> None:
        """What is to be undone is on the disk before anything is done."""
        command = step.command_to_undo(self._context)
        with self._signals.deferred():
            entry = self._rollback.fault(
                step.name, command, list(step.undone_command)
            )
            window = Window(step.name, time.time())
            self._context.windows.append(window)
            self._open.append(_Open(step, window, entry))
        self._act("do", step)

    def act(self, step: Step) -> None:
        """A step that is no fault."""
        self._act("do", step)

    def undo_last(self) -> None:
        """Undoes the last fault, and sees that it is gone.

        Raises only a signal that came meanwhile, afterwards."""
        with self._signals.deferred():
            self._undo(self._open.pop())

    def undo_all(self) -> None:
        """The same for all of them; idempotent."""
        with self._signals.deferred():
            while self._open:
                self._undo(self._open.pop())

    def _undo(self, fault: _Open) -> None:
        why = ""
        try:
            self._act("undo", fault.step)
        except Exception as error:  # the check decides, and all are tried
            why = f" ({error})"
        try:
            self._see_undone(fault.step)
        except Exception as error:
            self.not_undone.append(f"{fault.step.name}: {error}{why}")
        else:
            self._rollback.done(fault.entry)
        fault.window.end = time.time()

    def _act(self, verb: str, step: Step) -> None:
        act = step.do if verb == "do" else step.undo
        assert act is not None
        with self._context.journal.activity(f"{verb}: {step.name}"):
            with deadline(step.seconds, f"{verb} of {step.name!r}"):
                act(self._context)

    def _see_undone(self, step: Step) -> None:
        undone = step.undone
        assert undone is not None
        with self._context.journal.activity(f"undone?: {step.name}"):
            # Twice the time: the check itself may block.
            with deadline(2 * UNDONE_SECONDS, f"check of {step.name!r}"):
                eventually(
                    lambda: undone(self._context), UNDONE_SECONDS, "undone"
                )
