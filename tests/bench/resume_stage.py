"""A Redis that is taken away, a broker in its default configuration, and the
watched line through both.
"""

from __future__ import annotations

import contextlib
import os
import random
import resource
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from processes import BenchError, Child, free_port
from resume_crowd import channel
from resume_line import EVERY, Producer, Viewer
from resume_redis import Client, ContainerRedis, LocalRedis, subscribed_channels
from servers import MOST_CONNECTIONS, clean_environment, tls_settings, trusting

DEADLINE = 60.0
LOOK_EVERY = 0.002
PORTS = Path("/proc/sys/net/ipv4/ip_local_port_range")
SNMP = Path("/proc/net/snmp")
HOST = "bench-redis"
ADDRESSES = ("127.0.0.2", "127.0.0.3")  # equally long: one write swaps them
CROWD = Path(__file__).with_name("resume_crowd.py")
CROWD_PROCESSES = 2
SPARE_DESCRIPTORS = 1000
WITH_HOSTS = ["unshare", "--mount", "sh", "-c"]
WITH_HOSTS += ['mount --bind "$0" /etc/hosts && exec "$@"']


def wait_for(condition: Callable[[], bool], seconds: float = DEADLINE) -> bool:
    """Whether the condition holds in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(LOOK_EVERY)
    return True


def steady_port() -> int:
    """A free loopback port that the kernel gives to no outgoing connection: a
    client that knocks at a port of that range may reach itself.
    """
    lowest = int(PORTS.read_text().split()[0])
    below = range(1025, lowest)
    # At random: another benchmark in this network may look for a port too.
    for port in random.sample(below, len(below)):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
    raise BenchError("no port is free")


def active_opens(text: str) -> int:
    """TCP connects so far in this network namespace, from /proc/net/snmp."""
    names, values = [
        line.split() for line in text.splitlines() if line.startswith("Tcp:")
    ]
    return int(values[names.index("ActiveOpens")])


class Connects:
    """Counts the TCP connects of this network namespace within its `with`
    block, with a look every 10 ms.
    """

    def __init__(self) -> None:
        self.samples: list[tuple[float, int]] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> Connects:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _work(self) -> None:
        while True:
            count = active_opens(SNMP.read_text())
            self.samples.append((time.monotonic(), count))
            if self._ended.wait(0.01):
                return


class AcceptAndClose:
    """Listens in Redis's place and resets each connection at once."""

    def __init__(self, address: str, port: int) -> None:
        self._listener = socket.create_server((address, port), backlog=128)
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def __enter__(self) -> AcceptAndClose:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _work(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            linger = struct.pack("ii", 1, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            connection.close()


@dataclass(frozen=True)
class Setting:
    """How the stage of a scenario differs from the plain one."""

    password: str | None = None
    moves: bool = False  # the broker knows Redis by a name of /etc/hosts
    container: bool = False
    channels: int = 1
    every: float = EVERY  # seconds between two messages
    variables: dict[str, str] = field(default_factory=dict)  # of the broker
    tls: bool = False  # of the broker and its viewers


def with_viewer(channels: int) -> int:
    """How many of so many channels can have a viewer: a descriptor each."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = int(MOST_CONNECTIONS)
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard - SPARE_DESCRIPTORS)
    return min(channels, most)


class Stage:
    """Everything a scenario needs; ends with its `with` block."""

    def __init__(self, binary: Path, folder: Path, setting: Setting) -> None:
        self.setting = setting
        self._binary, self._folder = binary, folder
        self._hosts = folder / "hosts"
        self._ends = contextlib.ExitStack()
        self._crowd: list[Child] = []
        self._checks = 0
        self.tls = trusting() if setting.tls else None
        self.own_tls = tls_settings(folder) if setting.tls else {}

    def __enter__(self) -> Stage:
        try:
            self._begin()
        except BaseException:
            self._ends.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.close()

    def _begin(self) -> None:
        if self.setting.container:
            self.redis: LocalRedis | ContainerRedis = ContainerRedis(self._folder)
        else:
            password = self.setting.password
            self.redis = LocalRedis(self._folder, steady_port(), password)
        self._ends.callback(self.redis.end)
        if self.setting.moves:
            self.local.address = ADDRESSES[0]
            self._hosts.write_text(f"{ADDRESSES[0]} {HOST}\n127.0.0.1 localhost\n")
        self.redis.start()
        self.producer = Producer(
            self.redis.path, self.setting.password, self.setting.every
        )
        self._ends.callback(self.producer.stop)
        if not wait_for(lambda: bool(self.producer.accepted)):
            raise BenchError("Redis does not start")
        self._start_broker()
        self.viewer = Viewer(self.broker_port, self.tls)
        self._ends.callback(self.viewer.stop)
        if not self.viewer.wait_until_live(DEADLINE):
            raise BenchError("the broker does not subscribe")
        if self.setting.channels > 1:
            self._gather_crowd()

    @property
    def local(self) -> LocalRedis:
        assert isinstance(self.redis, LocalRedis)
        return self.redis

    @property
    def container(self) -> ContainerRedis:
        assert isinstance(self.redis, ContainerRedis)
        return self.redis

    def _start_broker(self) -> None:
        self.broker_port = free_port()
        host = HOST if self.setting.moves else self.redis.address
        login = f":{self.setting.password}@" if self.setting.password else ""
        environment = clean_environment() | {
            "STATUS_LISTEN_ADDR": f"127.0.0.1:{self.broker_port}",
            "STATUS_REDIS_URL": f"redis://{login}{host}:{self.redis.port}/2",
        }
        environment |= self.setting.variables
        environment |= self.own_tls
        if self.setting.channels > 1:
            environment |= {
                "STATUS_MAX_CONNECTIONS": MOST_CONNECTIONS,
                "STATUS_MAX_CHANNELS": str(2 * self.setting.channels),
                "STATUS_ACCEPT_RATE": "0",
                # Channels without a viewer stay, and viewers need no heartbeat.
                "STATUS_CHANNEL_LINGER": "1h",
                "STATUS_PING_INTERVAL": "1h",
                "STATUS_PONG_TIMEOUT": "1h",
            }
        command = [str(self._binary)]
        if self.setting.moves:
            command = [*WITH_HOSTS, str(self._hosts), *command]
        self.broker = Child("status2", command, self._folder, environment)
        self._ends.enter_context(self.broker)
        self.broker.wait_for_port(self.broker_port)

    def move(self) -> None:
        """The name means the other address from now on."""
        old = self.local.address
        self.local.address = next(each for each in ADDRESSES if each != old)
        # In place: the broker's /etc/hosts is this inode.
        with self._hosts.open("r+b", buffering=0) as hosts:
            os.pwrite(hosts.fileno(), self.local.address.encode(), 0)

    @contextlib.contextmanager
    def _crowd_process(self, first: int, count: int) -> Iterator[Child]:
        command = [sys.executable, str(CROWD), "--port", str(self.broker_port)]
        command += ["--first", str(first), "--count", str(count)]
        environment = clean_environment()
        name = f"crowd-{first}"
        with Child(name, command, self._folder, environment) as child:
            self._wait_for_word(child, "open")
            yield child

    def _wait_for_word(self, child: Child, word: str) -> None:
        def said() -> bool:
            if child.process.poll() is not None:
                raise BenchError(f"{child.name} ended: {child.tail()}")
            return word in child.said.read_text().splitlines()

        if not wait_for(said, 2 * DEADLINE):
            raise BenchError(f"{child.name} does not say {word}: {child.tail()}")

    def _gather_crowd(self) -> None:
        """A viewer on each channel, on those that are left no longer."""
        channels = self.setting.channels - 1  # one is the watched line
        kept = with_viewer(channels)
        if kept < channels:
            with self._crowd_process(kept, channels - kept):
                self._wait_until_subscribed(channels - kept)
        for index in range(CROWD_PROCESSES):
            first = kept * index // CROWD_PROCESSES
            end = kept * (index + 1) // CROWD_PROCESSES
            started = self._crowd_process(first, end - first)
            self._crowd.append(self._ends.enter_context(started))
        self._wait_until_subscribed(channels)

    def _wait_until_subscribed(self, channels: int) -> None:
        with Client(self.redis.path) as client:
            if not wait_for(lambda: subscribed_channels(client) > channels):
                raise BenchError(f"{channels} channels are not subscribed")

    def check_crowd(self) -> None:
        """A message to every channel reaches everyone who should have it."""
        self._checks += 1
        text = f"check {self._checks}"
        names = [channel(number) for number in range(self.setting.channels - 1)]
        with Client(self.redis.path) as client:
            replies = list(client.publish_to_each(names, text))
        if replies != [":1"] * len(names):
            raise BenchError("a channel that was live has no subscriber")
        for child in self._crowd:
            self._wait_for_word(child, f"complete {text}")

    def require_open(self) -> None:
        """Errors: BenchError if the broker closed the viewer or ended."""
        if self.viewer.closed:
            raise BenchError(f"the broker closed the viewer: {self.viewer.closed}")
        if self.broker.process.poll() is not None:
            raise BenchError(f"the broker ended: {self.broker.tail()}")
