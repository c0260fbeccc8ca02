"""Redis servers that are ended and started again, and a client for them.

Every server also listens on one Unix socket. Producer and benchmark use only
that, so they need no network to see the server come back, and TCP connects are
the broker's alone.
"""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
import tarfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from drill_parts import resp
from processes import BenchError, Child
from servers import clean_environment

ANSWER_SECONDS = 5.0
REDIS = "/usr/bin/redis-server"
CONTAINER_PORT = 6379
# ldd prints `NAME => PATH (address)` or, for the loader, `PATH (address)`.
LIBRARY = re.compile(r"/[^ ]+")
ACCEPTED = re.compile(r"^\d+:M (.+?) - Accepted [\d.]+:(\d+)$", re.M)


class Client:
    """A connection to a server's Unix socket. Errors: OSError."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(ANSWER_SECONDS)
        try:
            self._socket.connect(str(path))
        except BaseException:
            self._socket.close()
            raise
        self._replies = self._socket.makefile("rb")

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._replies.close()
        self._socket.close()

    def ask(self, *words: str) -> str:
        """The reply to a command: a bulk reply without its head, another as
        Redis wrote it (`:1`, `+OK`, `-ERR …`).
        """
        self._socket.sendall(resp(*words))
        return self._reply()

    def publish_to_each(self, channels: list[str], text: str) -> Iterator[str]:
        """The replies to a PUBLISH to each channel, a few hundred in flight."""
        for first in range(0, len(channels), 500):
            part = channels[first : first + 500]
            self._socket.sendall(b"".join(resp("PUBLISH", c, text) for c in part))
            for _ in part:
                yield self._reply()

    def _reply(self) -> str:
        line = self._replies.readline()
        if not line.endswith(b"\n"):
            raise ConnectionError("Redis closed the connection")
        if not line.startswith(b"$"):
            return line.decode().rstrip()
        size = int(line[1:])
        return self._replies.read(size + 2)[:-2].decode()


def subscribed_channels(client: Client) -> int:
    found = re.search(r"^pubsub_channels:(\d+)", client.ask("INFO", "stats"), re.M)
    if found is None:
        raise BenchError("Redis does not say how many channels have subscribers")
    return int(found[1])


def subscriber_port(client: Client) -> int:
    """The port of a connection that is subscribed to something."""
    for line in client.ask("CLIENT", "LIST", "TYPE", "pubsub").splitlines():
        found = re.search(r"\baddr=[\d.]+:(\d+) ", line)
        if found and " sub=0 " not in line:
            return int(found[1])
    raise BenchError("nobody is subscribed")


def accepted_at(log: str, port: int) -> float | None:
    """When the server last accepted a connection from that port, in
    time.time(); precise to a millisecond.
    """
    times = [when for when, from_port in ACCEPTED.findall(log) if int(from_port) == port]
    if not times:
        return None
    return datetime.strptime(times[-1], "%d %b %Y %H:%M:%S.%f").timestamp()


class LocalRedis:
    """A redis-server of this machine, without a dump to load."""

    def __init__(self, folder: Path, port: int, password: str | None) -> None:
        self.path = folder / "redis.sock"
        self.port = port
        self.address = "127.0.0.1"
        self._folder = folder
        self._password = password
        self._child: Child | None = None

    def start(self) -> None:
        """Returns at once: the producer finds out when it serves."""
        flags = ["--bind", self.address, "--port", str(self.port)]
        flags += ["--unixsocket", str(self.path), "--dir", str(self._folder)]
        # Verbose: the log has a line for each accepted connection.
        flags += ["--save", "", "--appendonly", "no", "--loglevel", "verbose"]
        if self._password:
            flags += ["--requirepass", self._password]
        environment = clean_environment()
        self._child = Child("redis", [REDIS, *flags], self._folder, environment)

    def end(self, at_once: bool = False) -> None:
        """SIGTERM or, at once, SIGKILL; returns when the process is gone."""
        if self._child is None:
            return
        if at_once:
            self._child.process.kill()
        self._child.stop()
        self._child.process.wait()

    def log(self) -> str:
        return self._child.said.read_text() if self._child else ""


def docker(*words: str) -> str:
    """Errors: BenchError with the last line that docker said."""
    try:
        done = subprocess.run(
            ["docker", *words], capture_output=True, text=True, timeout=120
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BenchError(f"docker: {error}") from None
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it failed"])[-1]
        raise BenchError(f"docker {words[0]}: {last}")
    return done.stdout.strip()


def import_image(name: str, folder: Path) -> None:
    """An image of this machine's redis-server and its libraries."""
    named = subprocess.run(["ldd", REDIS], capture_output=True, text=True, check=True)
    archive = folder / "image.tar"
    with tarfile.open(archive, "w", dereference=True) as tar:
        for path in (REDIS, *LIBRARY.findall(named.stdout)):
            tar.add(path)
    docker("import", str(archive), name)
    archive.unlink()


class ContainerRedis:
    """The same server in a container of its own on Docker's bridge."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "redis.sock"
        self.port = CONTAINER_PORT
        self.address = ""
        self._folder = folder
        self._name = f"status2-bench-{time.time_ns()}"

    def start(self) -> None:
        import_image(self._name, self._folder)
        options = ["--detach", "--name", self._name]
        options += ["--volume", f"{self._folder}:{self._folder}"]
        flags = ["--port", str(self.port), "--protected-mode", "no"]
        flags += ["--unixsocket", str(self.path), "--save", "", "--appendonly", "no"]
        docker("run", *options, self._name, REDIS, *flags)
        self.address = self._address()

    def restart(self) -> None:
        docker("restart", self._name)
        if self._address() != self.address:
            raise BenchError("the container came back with another address")

    def end(self) -> None:
        for removal in ("rm", "rmi"):
            with contextlib.suppress(BenchError):  # it was not made
                docker(removal, "--force", self._name)

    def _address(self) -> str:
        found = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        return docker("inspect", "--format", found, self._name)
