"""What the tests of the drill runner share."""

from __future__ import annotations

import io
import subprocess
import sys
import tempfile
import time
import unittest
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "compose"))
sys.dont_write_bytecode = True

from drills.context import Context  # noqa: E402
from drills.engine import Run, Settings, run_once  # noqa: E402
from drills.journal import Journal  # noqa: E402
from drills.judging import DrillResult, judge  # noqa: E402
from drills.model import OWN_PROCESSES, Drill, Level, Probe, Step  # noqa: E402
from drills.progress import Progress  # noqa: E402
from drills.redaction import Redactor  # noqa: E402
from drills.signals import Signals  # noqa: E402
from drills.tolerance import within  # noqa: E402

PROGRAM = str(ROOT / "compose/drills/drill")
DEADLINE = 15.0


def wait_for(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + DEADLINE
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {DEADLINE} s")
        time.sleep(0.02)


def runs(pid: int) -> bool:
    """A zombie does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


class FolderTest(unittest.TestCase):
    """A test with a folder of its own."""

    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)


class Recorder:
    """Remembers what was called, in order."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def act(self, name: str, error: BaseException | None = None):
        def acting(_context: Context) -> None:
            self.calls.append(name)
            if error is not None:
                raise error

        return acting

    def fault(self, name: str, error: BaseException | None = None, **more) -> Step:
        """A fault; undone as soon as its undo was called, unless told."""
        more.setdefault("undone", lambda _: f"undo {name}" in self.calls)
        return Step(
            name, self.act(f"do {name}", error), self.act(f"undo {name}"),
            undo_command=OWN_PROCESSES, **more,
        )  # fmt: skip


def drill(
    steps: Sequence[Step] = (), probes: Sequence[Probe] = (),
    levels: Sequence[Level] | None = None, prepare=None, measure=None, **more,
) -> Drill:  # fmt: skip
    """One that passes, where nothing else is said."""

    def measure_one(context: Context) -> None:
        context.measured("lost", 0, "", 10)

    if levels is None:
        levels = [Level("nothing is lost", "lost", within("== 0"))]
    return Drill(
        name="test", title="A test", proves="nothing", hypothesis=probes,
        method=lambda _: steps, levels=lambda _: levels,
        prepare=prepare or (lambda _: None), measure=measure or measure_one, **more,
    )  # fmt: skip


def run(a_drill: Drill, folder: Path, redactor: Redactor | None = None) -> Run:
    redactor = redactor or Redactor()
    signals = Signals()
    journal = Journal(folder / "journal.jsonl", redactor)
    settings = Settings(
        folder / "state", True, signals, Progress(io.StringIO()), journal, redactor
    )
    with signals.caught():
        result = run_once(a_drill, folder / "run", f"run-{time.time_ns()}", settings)
    journal.close()
    return result


def verdict_of(a_drill: Drill, folder: Path) -> DrillResult:
    return judge(a_drill, [run(a_drill, folder)])


def start(*arguments: str, environment: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, PROGRAM, *arguments], env=environment, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        start_new_session=True,
    )  # fmt: skip
