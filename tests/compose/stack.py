"""A stack of its own name, port and image tag, driven through wctl as a user
drives it. Used by stack_test.py."""

from __future__ import annotations

import json
import os
import pathlib
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parents[2]
WCTL = ROOT / "compose" / "wctl"
BINARY = ROOT / "build" / "release" / "status2"
TAG = f"stack-test-{os.getpid()}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def docker(*arguments: str, check: bool = True) -> str:
    done = subprocess.run(
        ["docker", *arguments], capture_output=True, text=True, timeout=120,
        check=False)
    if check and done.returncode != 0:
        raise AssertionError(f"docker {arguments}: {done.stderr}")
    return done.stdout.strip()


def inspect(what: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(docker("inspect", what))[0]
    return found


def eventually(what: str, probe: Callable[[], Any], seconds: float = 30) -> Any:
    """The first true answer of `probe`; fails when none comes in time."""
    deadline = time.monotonic() + seconds
    while True:
        answer = probe()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.1)


class Stack:
    """One project. `files` as in STATUS2_STACK_FILES."""

    def __init__(self, name: str, files: str = "compose.yml") -> None:
        self.project = f"{TAG}-{name}"
        self.port = free_port()
        self.prometheus_port = free_port()
        self.environment = {
            **os.environ,
            "COMPOSE_PROJECT_NAME": self.project,
            "STATUS2_PORT": str(self.port),
            "STATUS2_PROMETHEUS_PORT": str(self.prometheus_port),
            "STATUS2_TAG": TAG,
            "STATUS2_FROM": "prebuilt",
            "STATUS2_STACK_FILES": files,
        }

    def run(self, *arguments: str, text: str = "",
            code: int = 0) -> subprocess.CompletedProcess[str]:
        """wctl, which must end with `code`."""
        done = subprocess.run(
            [str(WCTL), *arguments], input=text, capture_output=True,
            text=True, env=self.environment, timeout=900, check=False)
        if done.returncode != code:
            raise AssertionError(
                f"wctl {arguments}: exit code {done.returncode}, not {code}\n"
                f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}")
        return done

    def exec(self, *arguments: str) -> str:
        return self.run("exec", *arguments).stdout.strip()

    def container(self, service: str) -> dict[str, Any]:
        return inspect(self.run("compose", "ps", "-q", service).stdout.strip())

    def publish(self, channel: str, text: str) -> int:
        """By redis-cli in the container; how many Redis gave it to."""
        answer = self.exec("redis", "redis-cli", "publish", channel, text)
        return int(answer) if answer.isdigit() else 0

    def get(self, path: str, port: int = 0, host: str = "127.0.0.1") -> str:
        """The body, or nothing while there is no answer of 200."""
        url = f"http://{host}:{port or self.port}{path}"
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                body: bytes = answer.read()
                return body.decode()
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return ""

    def seconds_to_get(self, path: str) -> float:
        """The median of five, each on a connection of its own."""
        times = []
        for _ in range(5):
            start = time.monotonic()
            if not self.get(path):
                raise AssertionError(f"no answer to {path}")
            times.append(time.monotonic() - start)
        return statistics.median(times)

    def metric(self, name: str) -> float:
        """The sum over all labels."""
        lines = re.findall(rf"^{name}(?:\{{[^}}]*\}})? (\S+)$",
                           self.get("/metrics"), re.MULTILINE)
        if not lines:
            raise AssertionError(f"/metrics has no {name}")
        return sum(float(value) for value in lines)

    def leftovers(self) -> list[str]:
        label = f"label=com.docker.compose.project={self.project}"
        found = []
        for kind in (["ps", "-a"], ["network", "ls"], ["volume", "ls"]):
            found += docker(*kind, "-q", "--filter", label).split()
        return found

    def remove(self) -> None:
        self.run("down", "--volumes")
        # Compose v2 builds an image for each service, and only the last keeps
        # the tag.
        docker("image", "prune", "--force", "--filter",
               f"label=com.docker.compose.project={self.project}")


class Watcher:
    """`status2 watch` on a channel, until it has seen `count` messages."""

    def __init__(self, stack: Stack, channel: str, count: int) -> None:
        self.notes = tempfile.TemporaryFile("a+")
        self.process = subprocess.Popen(
            [str(BINARY), "watch", "--count", str(count),
             f"ws://127.0.0.1:{stack.port}/{channel}"],
            stdout=subprocess.PIPE, stderr=self.notes, text=True)

    def __enter__(self) -> Watcher:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()
        self.notes.close()

    def said(self) -> list[str]:
        """What it said about its connections so far."""
        self.notes.seek(0)
        return self.notes.read().splitlines()

    def finish(self) -> tuple[list[str], list[str]]:
        """The messages, and what it said about its connections."""
        out, _ = self.process.communicate(timeout=60)
        return out.splitlines(), self.said()


def remove_images() -> None:
    # By name: the same image may have other names, which are in use.
    images = docker(
        "images",
        "--format",
        "{{.Repository}}:{{.Tag}}",
        "--filter",
        f"reference=status2*:{TAG}",
    )
    if images:
        docker("rmi", "--force", *images.split())


def require_daemon() -> None:
    """Ends the program with exit code 3 where there is none."""
    try:
        docker("version")
    except (AssertionError, FileNotFoundError,
            subprocess.TimeoutExpired) as error:
        print(f"stack_test: Docker does not answer: {error}", file=sys.stderr)
        sys.exit(3)


def output_of(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True,
                          timeout=120, check=False)
