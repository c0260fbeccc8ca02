"""Child processes of a drill: in a session of their own, ended by their id."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from .clock import eventually
from .errors import CouldNotRun, TimedOut
from .journal import Journal
from .owned import MARK
from .redaction import Redactor
from .rollback import RollbackLog

STOP_SECONDS = 10.0
# The kernel kills the child when the drill dies without having ended it.
_DIE_WITH_US = ["setpriv", "--pdeathsig", "KILL", "--"]


@dataclass(frozen=True)
class Done:
    """A command that has ended. `output` is both streams."""

    exit_code: int
    output: str


class Child:
    """A running process, with what it says in `log`."""

    def __init__(self, name: str, process: subprocess.Popen[bytes], log: Path):
        self.name = name
        self.log = log
        self._process = process

    @property
    def pid(self) -> int:
        return self._process.pid

    def running(self) -> bool:
        return self._process.poll() is None

    def wait(self, seconds: float) -> int:
        """The exit code. Errors: TimedOut; the process goes on then."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise TimedOut(f"{self.name} did not end within {seconds:g} s") from None

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ends it and what is left of its session; SIGKILL after a while."""
        if self.running():
            self._process.send_signal(number)
            with suppress(TimedOut):
                return self.wait(STOP_SECONDS)
            self.kill_group()
        return self._process.wait()

    def kill_group(self) -> None:
        """Only while it has not been waited for: its id is its own till then."""
        if self.running():
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)

    def tail(self, characters: int = 800) -> str:
        return self.log.read_text(errors="replace")[-characters:].strip()

    def listens(self, port: int, seconds: float = 20.0) -> None:
        """Returns once it listens on a loopback port."""

        def answers() -> bool:
            if not self.running():
                raise RuntimeError
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True

        try:
            eventually(answers, seconds, f"{self.name} listens on {port}")
        except RuntimeError:
            raise CouldNotRun(f"{self.name} ended: {self.tail()}") from None


class Processes:
    """Starts processes and remembers them until all have ended."""

    def __init__(
        self, folder: Path, run: str, journal: Journal, rollback: RollbackLog
    ) -> None:
        self._folder = folder
        self._run = run
        self._journal = journal
        self._rollback = rollback
        self._children: list[Child] = []
        self._logs: dict[str, int] = {}

    def start(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
    ) -> Child:
        """Its environment is ours and `environment`."""
        if shutil.which(command[0]) is None:
            raise CouldNotRun(f"{command[0]} is not installed")
        log = self._log(name)
        whole = os.environ | (environment or {}) | {MARK: self._run}
        with self._journal.activity(f"start {name}", command) as entry:
            with log.open("wb") as out:
                process = subprocess.Popen(
                    [*_DIE_WITH_US, *command],
                    stdin=subprocess.DEVNULL, stdout=out,
                    stderr=subprocess.STDOUT, env=whole,
                    start_new_session=True,
                )  # fmt: skip
            entry.output = f"pid {process.pid}, output in {log.name}"
        child = Child(name, process, log)
        self._children.append(child)
        self._rollback.child(process.pid)
        return child

    def run(
        self,
        name: str,
        command: Sequence[str],
        seconds: float = 60.0,
        environment: Mapping[str, str] | None = None,
        check: bool = True,
    ) -> Done:
        """Runs a command to its end. Thread: any.

        Errors: CouldNotRun if it exits other than 0 and `check` is set;
        TimedOut, and then it was killed.
        """
        whole = os.environ | (environment or {}) | {MARK: self._run}
        with self._journal.activity(name, command) as entry:
            try:
                process = subprocess.Popen(
                    list(command), stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                    errors="replace", env=whole, start_new_session=True,
                )  # fmt: skip
            except OSError as error:
                raise CouldNotRun(f"{name}: {error}") from None
            try:
                output, _ = process.communicate(timeout=seconds)
            except subprocess.TimeoutExpired:
                raise TimedOut(f"{name} took longer than {seconds:g} s") from None
            finally:
                if process.returncode is None:
                    with suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
            entry.exit_code, entry.output = process.returncode, output
        if check and process.returncode != 0:
            raise CouldNotRun(f"{name}: exit {process.returncode}: {output[-400:]}")
        return Done(process.returncode, output)

    def close(self, redactor: Redactor) -> None:
        """Ends all, the last started first, and takes secrets off the logs."""
        for child in reversed(self._children):
            if child.running():
                with self._journal.activity(f"stop {child.name}") as entry:
                    entry.exit_code = child.stop()
        for child in self._children:
            redactor.clean_file(child.log)

    def _log(self, name: str) -> Path:
        """A process that is started again writes to a file of its own."""
        count = self._logs[name] = self._logs.get(name, 0) + 1
        return self._folder / (f"{name}.log" if count == 1 else f"{name}-{count}.log")


def free_port() -> int:
    """A loopback port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
