"""How a drill ends early. Each names what the reader of the report sees."""

from __future__ import annotations


class CouldNotRun(Exception):
    """The drill cannot go on, and nothing is said about the service."""


class TimedOut(CouldNotRun):
    """Something did not come to its end in time."""


class Interrupted(BaseException):
    """SIGINT, SIGTERM or SIGHUP. No `except Exception` swallows it."""

    def __init__(self, name: str) -> None:
        super().__init__(f"interrupted by {name}")
