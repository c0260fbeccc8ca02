"""The machine a benchmark runs on: what is noted of it, and a network of its own."""

from __future__ import annotations

import ctypes
import fcntl
import os
import platform
import re
import socket
import struct
import subprocess
from pathlib import Path
from typing import Any

CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
SIOCGIFFLAGS = 0x8913
SIOCSIFFLAGS = 0x8914
IFF_UP = 1
PACKAGES = ("nginx", "libnginx-mod-nchan", "redis-server", "liburing2")


def own_network(own_users: bool = False) -> bool:
    """A network namespace for this process and its children: loopback without
    the machine's packet filter, which is no part of any server. False if this
    user may not have one. `own_users`: with a user namespace, for which nobody
    needs to be root; no other thread may run yet.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET | (CLONE_NEWUSER if own_users else 0)) != 0:
        return False
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sh14x", b"lo", 0)
        answer = fcntl.ioctl(control, SIOCGIFFLAGS, request)
        (flags,) = struct.unpack_from("h", answer, 16)
        request = struct.pack("16sh14x", b"lo", flags | IFF_UP)
        fcntl.ioctl(control, SIOCSIFFLAGS, request)
    return True


def said(*command: str) -> str:
    """What a command prints; nothing if it fails or is not there."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


def text_of(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""


def package_versions() -> dict[str, str]:
    versions = {
        name: said("dpkg-query", "-W", "-f", "${Version}", name) for name in PACKAGES
    }
    return {name: version for name, version in versions.items() if version}


def commit(root: Path) -> str:
    git = ("git", "-c", f"safe.directory={root}", "-C", str(root))
    changed = said(*git, "status", "--porcelain", "--untracked-files=no")
    name = said(*git, "rev-parse", "--short", "HEAD") or "unknown"
    return f"{name} and changes" if changed else name


def facts(root: Path, network: bool) -> dict[str, Any]:
    model = re.search(r"^model name\s*: (.*)$", text_of("/proc/cpuinfo"), re.M)
    return {
        "cpu": model[1] if model else platform.machine(),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "debian": text_of("/etc/debian_version"),
        "congestion_control": text_of("/proc/sys/net/ipv4/tcp_congestion_control"),
        "own_network": network,
        "packages": package_versions(),
        "commit": commit(root),
        "load_average_before": os.getloadavg()[0],
    }
