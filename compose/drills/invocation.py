"""One call of `drill run` or `drill all`: drills, reports, archive, verdict."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from . import archive, compare, machine, plots, report, report_html
from .engine import Run, Settings, run_once
from .errors import CouldNotRun
from .journal import Journal
from .judging import DrillResult, judge
from .model import Drill
from .progress import Progress
from .redaction import Redactor
from .rollback import leftovers
from .signals import Signals
from .verdict import Verdict, worst


@dataclass(frozen=True)
class Request:
    """What was asked for at the command line."""

    drills: Sequence[Drill]
    results: Path
    state: Path  # rollback entries; shared by all invocations of this checkout
    quick: bool = False
    keep: int = 20
    repeat: int = 1
    baseline: Path | None = None


@contextmanager
def _alone(state: Path) -> Iterator[None]:
    """Two drills at once would break each other's system, so they do not run."""
    state.mkdir(parents=True, exist_ok=True)
    with (state / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            raise CouldNotRun(f"another drill runs: pid {lock.read()}") from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _refuse_leftovers(state: Path) -> None:
    left = [entry.step or "processes" for _, entry in leftovers(state)]
    if left:
        raise CouldNotRun(
            f"an earlier drill left: {', '.join(left)}; run `drill cleanup` first"
        )


def execute(request: Request, progress: Progress) -> Verdict:
    """Errors: CouldNotRun before anything was started; Interrupted."""
    if request.baseline is not None:
        compare.load(request.baseline)  # a wrong path is told now, not later
    signals = Signals()
    with _alone(request.state), signals.caught():
        _refuse_leftovers(request.state)
        return _Invocation(request, progress, signals).go()


class _Invocation:
    def __init__(self, request: Request, progress: Progress, signals: Signals):
        self.request, self.progress = request, progress
        self.commit = machine.commit()
        self.folder = archive.new_folder(request.results, self.commit)
        self.redactor = Redactor()
        self.journal = Journal(self.folder / "journal.jsonl", self.redactor)
        self.settings = Settings(
            request.state, request.quick, signals, progress, self.journal,
            self.redactor,
        )  # fmt: skip
        self.begun = time.time()

    def go(self) -> Verdict:
        if not plots.available():
            self.progress.say(plots.MISSING)
        results = []
        for drill in self.request.drills:
            results.append(self._drill(drill))
            self._say(results[-1])
            if any(run.interrupted for run in results[-1].runs):
                break
        self.journal.close()
        return self._report(results)

    def _drill(self, drill: Drill) -> DrillResult:
        runs: list[Run] = []
        for number in range(1, self.request.repeat + 1):
            folder = self.folder / drill.name
            if self.request.repeat > 1:
                folder /= str(number)
            name = f"{self.folder.name}-{os.getpid()}-{drill.name}-{number}"
            runs.append(run_once(drill, folder, name, self.settings))
            # What failed or is still broken makes a repeat worthless.
            if runs[-1].failure or runs[-1].not_undone:
                break
        return judge(drill, runs)

    def _say(self, result: DrillResult) -> None:
        self.progress.say(f"{result.drill.name}: {result.verdict.text}")
        for reason in result.reasons:
            self.progress.say(f"  {self.redactor(reason)}")

    def _report(self, results: Sequence[DrillResult]) -> Verdict:
        tools: dict[str, str] = machine.versions()
        for result in results:
            for run in result.runs:
                tools |= run.versions
        whole = report.Report(
            self.begun, time.time(), self.commit, self.request.quick,
            machine.describe(), tools, results, worst(r.verdict for r in results),
        )  # fmt: skip
        comparison = self._compare(whole)
        data = report.write_all(whole, self.folder, self.redactor)
        page = report_html.page(data, results, comparison)
        (self.folder / "report.html").write_text(page)
        spared = [self.folder]
        if self.request.baseline is not None:
            spared.append(self.request.baseline)
        archive.keep_last(self.request.results, self.request.keep, spared)
        self.progress.say(f"report: {self.folder}/report.html")
        return whole.verdict

    def _compare(self, whole: report.Report) -> compare.Comparison | None:
        """Also changes the verdict of `whole`, if there is a baseline."""
        if self.request.baseline is None:
            return None
        before = compare.load(self.request.baseline)
        now = report.as_data(whole, self.folder)
        try:
            comparison = compare.compare(before, now)
        except CouldNotRun as reason:
            whole.reasons = [str(reason)]
            whole.verdict = worst([whole.verdict, Verdict.COULD_NOT_RUN])
            self.progress.say(str(reason))
            return None
        whole.verdict = worst([whole.verdict, comparison.verdict])
        self.progress.say(compare.as_text(comparison))
        return comparison


