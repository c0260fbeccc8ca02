"""What a drill works with while it runs; everything it starts ends with it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .clock import eventually
from .errors import CouldNotRun
from .journal import Journal
from .model import Better, Bottleneck, Measurement, Parameters
from .process import Child, Done, Processes
from .progress import Progress
from .redaction import Redactor
from .rollback import RollbackLog
from .samplers import Container, Sampler, Source, Usage
from .series import SeriesStore, Window


@dataclass
class Context:
    """One run of one drill. `state` is the drill's own, for what `prepare`
    starts and later steps need."""

    folder: Path
    parameters: Parameters
    quick: bool
    journal: Journal
    redactor: Redactor
    processes: Processes
    progress: Progress
    series: SeriesStore = field(default_factory=SeriesStore)
    windows: list[Window] = field(default_factory=list)
    measurements: dict[str, Measurement] = field(default_factory=dict)
    bottlenecks: list[Bottleneck] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    state: Any = None
    rollback: RollbackLog | None = None
    cleanup: ExitStack = field(default_factory=ExitStack)

    def start(
        self, name: str, command: Sequence[str],
        environment: Mapping[str, str] | None = None,
    ) -> Child:  # fmt: skip
        """A process that is ended with the run. Thread: the main one."""
        return self.processes.start(name, command, environment)

    def run(
        self, name: str, command: Sequence[str], seconds: float = 60.0,
        environment: Mapping[str, str] | None = None, check: bool = True,
    ) -> Done:  # fmt: skip
        """A command, run to its end."""
        return self.processes.run(name, command, seconds, environment, check)

    def sample(self, source: Source) -> Sampler:
        """Asks `source` every second until the run ends."""
        sampler = Sampler(source, self.series)
        self.cleanup.callback(sampler.stop)
        return sampler

    def watch_process(self, name: str, child: Child) -> None:
        """CPU and memory of a child: `cpu_percent:NAME`, `rss_bytes:NAME`."""
        self.sample(Usage(name, lambda: [child.pid] if child.running() else []))

    def watch_container(self, name: str, container: str) -> None:
        self.sample(Usage(name, Container(container)))

    def on_exit(self, act: Callable[[], None]) -> None:
        """Called when the run ends, however it ends; the last one first."""
        self.cleanup.callback(act)

    def keep_undone(
        self, what: str, undo: Sequence[str], gone: Sequence[str]
    ) -> None:
        """Something that outlives processes is about to be made: `undo` ends it
        with the run, or in `drill cleanup`; `gone` exits 0 when it has."""
        assert self.rollback is not None
        log = self.rollback
        entry = log.fault(what, list(undo), list(gone))

        def end() -> None:
            with self.journal.activity(f"end {what}", undo):
                log.undo(entry)

        self.on_exit(end)

    def secret(self, file: Path) -> None:
        """The value in this file is never written down."""
        self.redactor.add_file(file)

    def wait(self, seconds: float, what: str = "") -> None:
        """Lets time pass, on purpose: a fault is held, load runs."""
        begun = time.monotonic()
        while (gone := time.monotonic() - begun) < seconds:
            self.progress.update(gone / seconds, what)
            time.sleep(min(0.2, seconds - gone))

    def eventually(
        self, condition: Callable[[], bool], seconds: float, what: str
    ) -> None:
        eventually(condition, seconds, what)

    def measured(
        self, name: str, value: float | None, unit: str, samples: int = 1,
        better: Better = Better.LOWER, noise: float = 0.25,
        noise_floor: float = 0.0,
    ) -> None:  # fmt: skip
        """Notes a number. None: it could not be measured."""
        if name in self.measurements:
            raise CouldNotRun(f"{name} was measured twice")
        self.measurements[name] = Measurement(
            name, value, unit, samples, better, noise, noise_floor
        )

    def bottleneck(self, why: str, spoils: str = "") -> None:
        """A load generator, not the service, was what was measured, in those
        measurements whose names begin with `spoils`."""
        self.bottlenecks.append(Bottleneck(why, spoils))
