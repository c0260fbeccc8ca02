"""Runs one drill once, in this order, and undoes what it did on every exit:

    prepare, hypothesis before, method (with its faults), undo in reverse
    order, hypothesis after, measure, end all that was started
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from .clock import deadline
from .context import Context
from .errors import CouldNotRun, Interrupted
from .faults import Faults
from .journal import Journal
from .model import Bottleneck, Drill, Level, Measurement, Step
from .probing import DuringProbes, ProbeResult, ask_after, ask_before
from .process import Processes
from .progress import Progress
from .redaction import Redactor
from .rollback import RollbackLog
from .series import SeriesStore, Window
from .signals import Signals

CLEANUP_SECONDS = 120.0


@dataclass
class Run:
    """What came of one run. `failure` says why it did not get to its end."""

    folder: Path
    begun: float
    ended: float = 0.0
    failure: str = ""
    interrupted: bool = False
    not_undone: list[str] = field(default_factory=list)
    probes: list[ProbeResult] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)
    levels: list[Level] = field(default_factory=list)
    measurements: dict[str, Measurement] = field(default_factory=dict)
    bottlenecks: list[Bottleneck] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)
    series: SeriesStore = field(default_factory=SeriesStore)
    versions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Settings:
    """What all runs of an invocation share."""

    rollback_folder: Path
    quick: bool
    signals: Signals
    progress: Progress
    journal: Journal
    redactor: Redactor


class _Running:
    """One run under way."""

    def __init__(self, drill: Drill, folder: Path, name: str, settings: Settings):
        folder.mkdir(parents=True, exist_ok=True)
        self.drill, self.settings = drill, settings
        self.journal = settings.journal
        self.journal.run = name
        self.rollback = RollbackLog(settings.rollback_folder, name, drill.name)
        self.processes = Processes(folder, name, self.journal, self.rollback)
        parameters = dict(drill.long) | (dict(drill.quick) if settings.quick else {})
        self.context = Context(
            folder, parameters, settings.quick, self.journal,
            settings.redactor, self.processes, settings.progress,
            rollback=self.rollback,
        )  # fmt: skip
        self.faults = Faults(self.context, self.rollback, settings.signals)
        self.run = Run(
            folder, time.time(), windows=self.context.windows,
            series=self.context.series, measurements=self.context.measurements,
            bottlenecks=self.context.bottlenecks, versions=self.context.versions,
        )  # fmt: skip

    def go(self) -> None:
        """Errors: whatever stops the drill; `finish` must follow."""
        drill, context = self.drill, self.context
        self._phase("prepare", self._within(drill.prepare, drill.prepare_seconds))
        steps = drill.method(context)
        self.run.levels = list(drill.levels(context))
        self._phase("hypothesis before", self._before)
        during = DuringProbes(drill.hypothesis, context)
        during.start()
        try:
            for step in steps:
                self._phase(step.name, lambda: self._step(step, during))
        finally:
            # Only what was in place counts as during; recovery is after.
            self.run.probes += during.stop()
            self.faults.undo_all()
        self._phase("hypothesis after", self._after)
        self._phase("measure", self._within(drill.measure, drill.measure_seconds))

    def finish(self) -> None:
        """Undoes what is not undone yet, and ends all that was started.

        Never raises; signals wait."""
        with self.settings.signals.held_back():
            self.faults.undo_all()
            for act in (
                self.context.cleanup.close,
                lambda: self.processes.close(self.settings.redactor),
                self.rollback.end_processes,
            ):
                try:
                    with deadline(CLEANUP_SECONDS, "ending what was started"):
                        act()
                except Exception as error:
                    self.faults.not_undone.append(f"cleanup: {error}")
            self.run.not_undone = self.faults.not_undone
            self.run.ended = time.time()
            self.run.series.save(self.run.folder / "series.json.gz")

    def _phase(self, label: str, act: Callable[[], None]) -> None:
        self.settings.progress.begin(f"{self.drill.name}: {label}")
        try:
            act()
        except BaseException:
            self.settings.progress.end("failed")
            raise
        self.settings.progress.end()

    def _within(
        self, act: Callable[[Context], None], seconds: float
    ) -> Callable[[], None]:
        name = getattr(act, "__name__", "act")

        def acting() -> None:
            with self.journal.activity(name), deadline(seconds, name):
                act(self.context)

        return acting

    def _before(self) -> None:
        found = ask_before(self.drill.hypothesis, self.context)
        self._note(found)
        failed = [f"{p.name} is {p.value:g}, not {p.tolerance} {p.error}".strip()
                  for p in found if not p.held]  # fmt: skip
        if failed:
            raise CouldNotRun("the hypothesis fails before: " + "; ".join(failed))

    def _after(self) -> None:
        self._note(ask_after(self.drill.hypothesis, self.context))

    def _note(self, found: list[ProbeResult]) -> None:
        self.run.probes += found
        for probe in found:
            self.journal.note(
                f"probe {probe.when}: {probe.name}",
                f"{probe.value:g} {'holds' if probe.held else 'fails'} "
                f"{probe.tolerance} {probe.error}".strip(),
            )

    def _step(self, step: Step, during: DuringProbes) -> None:
        self.run.steps.append(step.name)
        if not step.is_fault:
            self.faults.act(step)
            return
        self.faults.inject(step)
        during.ask_now()
        if step.lasts is not None:
            self.context.wait(step.lasts, "holding the fault")
            self.faults.undo_last()


def run_once(drill: Drill, folder: Path, name: str, settings: Settings) -> Run:
    """Never raises but for bugs in the engine: what stopped it is in the Run.

    Thread: the main one, with `settings.signals.caught()`. `name` is unique.
    """
    running = _Running(drill, folder, name, settings)
    run = running.run
    with ExitStack() as stack:
        stack.callback(running.finish)
        try:
            running.go()
        except Interrupted as interrupted:
            run.failure, run.interrupted = str(interrupted), True
        except CouldNotRun as reason:
            run.failure = str(reason)
        except Exception as bug:
            run.failure = f"{type(bug).__name__}: {bug}"
    if name_held := settings.signals.take():
        run.failure = run.failure or f"interrupted by {name_held}"
        run.interrupted = True
    return run
