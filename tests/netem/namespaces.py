"""Two network namespaces with a cable between them.

They have no name and nobody mounts them: the kernel removes them, with their
interfaces and rules, when the last process in them and the last descriptor are
gone, however the test ended.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
from collections.abc import Iterator

CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
OWN_NAMESPACE = "/proc/thread-self/ns/net"

_libc = ctypes.CDLL(None, use_errno=True)


def _call(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def die_with_parent() -> None:
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def hurry() -> None:
    """This process runs before others: a busy machine adds less to a delay."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))
    except OSError:
        # A container may forbid it; then the next best.
        with contextlib.suppress(OSError):
            os.nice(-20)


def prepare_child() -> None:
    """What each process of a test does first."""
    die_with_parent()
    hurry()


class Namespace:
    """Sockets and processes made inside `with namespace.entered()` stay in it."""

    def __init__(self, address: str) -> None:
        self.address = address
        outside = os.open(OWN_NAMESPACE, os.O_RDONLY)
        try:
            _call(_libc.unshare(CLONE_NEWNET), "a network namespace needs root")
            self.descriptor = os.open(OWN_NAMESPACE, os.O_RDONLY)
        finally:
            _call(_libc.setns(outside, CLONE_NEWNET), "setns")
            os.close(outside)

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        outside = os.open(OWN_NAMESPACE, os.O_RDONLY)
        try:
            _call(_libc.setns(self.descriptor, CLONE_NEWNET), "setns")
            yield
        finally:
            _call(_libc.setns(outside, CLONE_NEWNET), "setns")
            os.close(outside)

    def run(self, *words: str) -> str:
        """What a command in here says; fails the test when the command does."""
        with self.entered():
            done = subprocess.run(words, text=True, capture_output=True, check=False)
        if done.returncode != 0:
            raise AssertionError(f"{' '.join(words)}: {done.stdout}{done.stderr}")
        return done.stdout

    def close(self) -> None:
        os.close(self.descriptor)


def connect(near: Namespace, far: Namespace) -> None:
    """A veth pair: `eth0` in each, with the namespace's address."""
    path = f"/proc/{os.getpid()}/fd/{far.descriptor}"
    near.run(
        *"ip link add eth0 type veth peer name eth0 netns".split(), path
    )
    for end in (near, far):
        end.run("ip", "address", "add", f"{end.address}/24", "dev", "eth0")
        end.run("ip", "link", "set", "eth0", "up")
        end.run("ip", "link", "set", "lo", "up")
