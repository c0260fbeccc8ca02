"""Time: stamps for people and files, deadlines for everything that waits."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from types import FrameType

from .errors import CouldNotRun, TimedOut

POLL_SECONDS = 0.05


def rfc3339(seconds: float | None = None) -> str:
    """UTC with milliseconds, of now or of a time.time()."""
    moment = datetime.fromtimestamp(
        time.time() if seconds is None else seconds, timezone.utc
    )
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def unix_time(text: str) -> float:
    """The inverse of `rfc3339`; takes any RFC 3339 stamp in UTC."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def eventually(
    condition: Callable[[], bool], seconds: float, what: str
) -> None:
    """Returns once `condition` is true. An expected OSError counts as false.

    Errors: TimedOut with `what` did not happen and the last error.
    """
    deadline = time.monotonic() + seconds
    last = ""
    while True:
        try:
            if condition():
                return
        except (OSError, CouldNotRun) as error:
            last = f": {error}"
        if time.monotonic() >= deadline:
            raise TimedOut(f"{what}: not within {seconds:g} s{last}")
        time.sleep(POLL_SECONDS)


@contextmanager
def deadline(seconds: float, what: str) -> Iterator[None]:
    """Ends what runs inside by TimedOut. Main thread only; they may nest.

    It works by SIGALRM, so that it also ends a call that blocks.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("deadline() works in the main thread only")

    def expire(_number: int, _frame: FrameType | None) -> None:
        raise TimedOut(f"{what} took longer than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, expire)
    begun = time.monotonic()
    outer, _ = signal.setitimer(signal.ITIMER_REAL, seconds)
    if 0 < outer < seconds:
        signal.setitimer(signal.ITIMER_REAL, outer)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if outer > 0:
            left = max(outer - (time.monotonic() - begun), 0.001)
            signal.setitimer(signal.ITIMER_REAL, left)
