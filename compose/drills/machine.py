"""Where a run took place: the machine, and the versions of what was used."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
COMMAND_SECONDS = 20.0
# What must be equal for two reports to be compared without --force.
IDENTITY = ("cpu", "cores", "memory_gib", "architecture")


def output_of(command: Sequence[str]) -> str:
    """The first line of what a command says; empty if it cannot be run."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True,
            text=True, timeout=COMMAND_SECONDS, cwd=ROOT,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    lines = done.stdout.strip().splitlines()
    return lines[0] if done.returncode == 0 and lines else ""


def _field(file: str, name: str) -> str:
    match = re.search(rf"^{name}\s*:\s*(.+)$", Path(file).read_text(), re.MULTILINE)
    return match[1].strip() if match else "unknown"


def cores() -> int:
    return len(os.sched_getaffinity(0))


def describe() -> dict[str, str | int]:
    kib = _field("/proc/meminfo", "MemTotal").split()[0]
    return {
        "cpu": _field("/proc/cpuinfo", "model name"),
        "cores": cores(),
        "memory_gib": round(int(kib) / 2**20),
        "architecture": platform.machine(),
        "kernel": platform.release(),
        "load_average": " ".join(f"{load:.2f}" for load in os.getloadavg()),
    }


def _git(*arguments: str) -> str:
    # A checkout may belong to another user than the one who runs drills.
    return output_of(["git", "-c", f"safe.directory={ROOT}", *arguments])


def commit() -> str:
    """Short, with `-dirty` if there is anything that is not committed."""
    found = _git("rev-parse", "--short", "HEAD")
    if not found:
        return "unknown"
    return found + ("-dirty" if _git("status", "--porcelain") else "")


def matplotlib_version() -> str:
    """Without importing it, which takes most of a second."""
    try:
        return metadata.version("matplotlib")
    except metadata.PackageNotFoundError:
        return ""


def versions() -> dict[str, str]:
    """Of the tools; what is not there is left out."""
    found = {
        "python": platform.python_version(),
        "matplotlib": matplotlib_version(),
        "redis-server": output_of(["redis-server", "--version"]),
        "docker": output_of(["docker", "--version"]),
    }
    return {name: version for name, version in found.items() if version}
