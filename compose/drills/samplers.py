"""Threads that look at something every second and write down what they see."""

from __future__ import annotations

import os
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from . import prometheus
from .series import SeriesStore

INTERVAL = 1.0
HTTP_SECONDS = 2.0
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Source(Protocol):
    """One look. An OSError or ValueError is a hole in the series."""

    def sample(self, store: SeriesStore) -> None: ...


class Sampler:
    """Asks one source until it is stopped."""

    def __init__(
        self, source: Source, store: SeriesStore, interval: float = INTERVAL
    ) -> None:
        self._source, self._store, self._interval = source, store, interval
        self.failures = 0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def _work(self) -> None:
        due = time.monotonic()
        while not self._stopped.is_set():
            try:
                self._source.sample(self._store)
            except (OSError, ValueError, subprocess.SubprocessError):
                self.failures += 1
            # A late look does not make those after it late.
            due = max(due + self._interval, time.monotonic())
            self._stopped.wait(due - time.monotonic())

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join(HTTP_SECONDS + 10)


class Metrics:
    """All metrics at a URL, summed over labels; also with labels if any."""

    def __init__(self, url: str, start: str = "status2_", source: str = "") -> None:
        self._url, self._start = url, start
        self._suffix = f"@{source}" if source else ""

    def sample(self, store: SeriesStore) -> None:
        now = time.time()
        with urllib.request.urlopen(self._url, timeout=HTTP_SECONDS) as answer:
            text = answer.read().decode()
        sums = prometheus.totals(text)
        for name, value in sums.items():
            if name.startswith(self._start):
                store.add(name + self._suffix, value, now)
        for sample in prometheus.parse(text):
            if sample.labels and sample.name in sums:
                if sample.name.startswith(self._start):
                    store.add(sample.key + self._suffix, sample.value, now)


def tree(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += tree(int(child))
    return found


def _usage(pid: int) -> tuple[float, int]:
    """Seconds of CPU so far, and resident bytes."""
    text = Path(f"/proc/{pid}/stat").read_text()
    fields = text[text.rindex(")") + 2 :].split()
    resident = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return (int(fields[11]) + int(fields[12])) / _TICKS, resident * _PAGE


class Usage:
    """CPU and memory of processes: `cpu_percent:NAME`, `rss_bytes:NAME`.

    100 % is one core. `pids` is asked each time, so a restarted process is
    followed; the CPU of the first look at a process is not known.
    """

    def __init__(self, name: str, pids: Callable[[], Sequence[int]]) -> None:
        self._name, self._pids = name, pids
        self._before: dict[int, float] = {}
        self._at = 0.0

    def sample(self, store: SeriesStore) -> None:
        now = time.time()
        spent, resident, seen = 0.0, 0, {}
        for root in self._pids():
            for pid in tree(root):
                with suppress(OSError):
                    cpu, rss = _usage(pid)
                    seen[pid] = cpu
                    resident += rss
                    spent += cpu - self._before.get(pid, cpu)
        if seen and self._before and now > self._at:
            share = spent / (now - self._at) * 100
            store.add(f"cpu_percent:{self._name}", share, now)
        if seen:
            store.add(f"rss_bytes:{self._name}", resident, now)
        self._before, self._at = seen, now


class Container:
    """The pids of a container, for `Usage`; asked again when it restarted."""

    def __init__(self, container: str) -> None:
        self._container = container
        self._pid = 0

    def __call__(self) -> list[int]:
        if not self._pid or not Path(f"/proc/{self._pid}").exists():
            done = subprocess.run(
                ["docker", "inspect", "-f", "{{.State.Pid}}", self._container],
                stdin=subprocess.DEVNULL, capture_output=True, text=True,
                timeout=10, check=True,
            )  # fmt: skip
            self._pid = int(done.stdout)
        return [self._pid] if self._pid else []
