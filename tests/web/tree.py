"""A browser is a tree of processes, all of which write into its profile."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

from processes import Child
from remote import eventually


def descendants(pid: int) -> list[int]:
    """The process and all that it started, as far as they live."""
    found = [pid]
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += descendants(int(child))
    return found


def ended(pid: int) -> bool:
    """Also if nobody has asked for its exit code yet."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state == "Z"


def stop_tree(root: Child) -> None:
    """Returns once no process of the tree is left."""
    pids = descendants(root.pid)
    root.stop()
    for pid in pids:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
    eventually(lambda: all(map(ended, pids)), "the end of the browser's processes")
