"""Asks the probes of a hypothesis before, during and after the method."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from .clock import POLL_SECONDS
from .context import Context
from .model import Probe, When

DURING_SECONDS = 1.0


@dataclass
class ProbeResult:
    """`value` is the last one, or of DURING the first that was not tolerated."""

    name: str
    when: str
    tolerance: str
    value: float
    held: bool
    asked: int = 1
    error: str = ""


def ask(probe: Probe, context: Context, when: str) -> ProbeResult:
    value, error = math.nan, ""
    try:
        value = float(probe.measure(context))
    except Exception as failure:  # a probe that fails has not held
        error = f"{type(failure).__name__}: {failure}"
    held = probe.tolerance.holds(value)
    return ProbeResult(
        probe.name, when, str(probe.tolerance), value, held, 1, error
    )


def ask_before(probes: Sequence[Probe], context: Context) -> list[ProbeResult]:
    return [ask(p, context, "before") for p in probes if When.BEFORE in p.when]


def ask_after(probes: Sequence[Probe], context: Context) -> list[ProbeResult]:
    """Each until it holds or its time is up: this is the recovery."""
    return [_settle(p, context) for p in probes if When.AFTER in p.when]


def _settle(probe: Probe, context: Context) -> ProbeResult:
    end = time.monotonic() + probe.seconds
    asked = 0
    while True:
        result = ask(probe, context, "after")
        asked += 1
        if result.held or time.monotonic() >= end:
            result.asked = asked
            return result
        time.sleep(POLL_SECONDS * 4)


class DuringProbes:
    """Asks the DURING probes every second, in a thread, and when told to."""

    def __init__(self, probes: Sequence[Probe], context: Context) -> None:
        self._probes = [p for p in probes if When.DURING in p.when]
        self._context = context
        self._results: dict[str, ProbeResult] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def start(self) -> None:
        if self._probes:
            self._thread.start()

    def ask_now(self) -> None:
        """So that each fault is seen at least once, however short it is."""
        for probe in self._probes:
            result = ask(probe, self._context, "during")
            with self._lock:
                before = self._results.get(probe.name)
                asked = 1 + (before.asked if before else 0)
                # What was not tolerated once stays so.
                kept = before if before and not before.held else result
                kept.asked = asked
                self._results[probe.name] = kept

    def stop(self) -> list[ProbeResult]:
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(30)
        with self._lock:
            return [self._results[p.name] for p in self._probes
                    if p.name in self._results]  # fmt: skip

    def _work(self) -> None:
        while not self._stopped.wait(DURING_SECONDS):
            self.ask_now()
