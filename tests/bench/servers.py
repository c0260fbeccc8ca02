"""The servers under test: how each is started and how it is published to."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

from processes import BenchError, Child, free_port

MOST_CONNECTIONS = "19500"  # the growth works open 19,000
NCHAN_MODULE = Path("/usr/lib/nginx/modules/ngx_nchan_module.so")
NCHAN_DEADLINE = 20.0
NCHAN_ANSWERS = 50  # in a row, so that every worker was asked

NGINX_CONFIGURATION = """\
load_module {module};
daemon off;
worker_processes 2;
worker_rlimit_nofile 20000;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 12000; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  upstream redis {{ nchan_redis_server redis://127.0.0.1:{redis_port}; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    keepalive_requests 100000000;
    location ~ ^/publish/(.+)$ {{
      nchan_publisher;
      nchan_channel_id $1;
      nchan_redis_pass redis;
      nchan_message_timeout 5s;
      nchan_message_buffer_length 100;
    }}
    location ~ ^/([^/]+)$ {{
      nchan_subscriber websocket;
      nchan_channel_id $1;
      nchan_redis_pass redis;
      nchan_subscriber_first_message newest;
    }}
  }}
}}
"""


def clean_environment() -> dict[str, str]:
    """Ours, without what would configure a server or its Redis."""
    return {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("STATUS_", "REDIS_"))
    }


@dataclass(frozen=True)
class Server:
    """A server that serves a channel at `/<channel>` of a loopback port."""

    name: str
    binary: Path

    def start(self, port: int, redis_port: int, folder: Path) -> Child:
        raise NotImplementedError

    def wait_until_ready(self, child: Child, port: int) -> None:
        """Returns once it takes viewers."""
        child.wait_for_port(port)

    def load_flags(self) -> list[str]:
        """How the load generator publishes to it, if not through Redis."""
        return []


@dataclass(frozen=True)
class Status2(Server):
    """The broker, sending by one of its backends."""

    backend: str
    log_level: str = "warn"
    settings: tuple[tuple[str, str], ...] = ()  # of the broker
    asks: tuple[str, ...] = ()  # flags of the load generator

    def start(self, port: int, redis_port: int, folder: Path) -> Child:
        environment = clean_environment() | {
            "STATUS_LISTEN_ADDR": f"127.0.0.1:{port}",
            "STATUS_REDIS_URL": f"redis://127.0.0.1:{redis_port}/2",
            "STATUS_LOG_LEVEL": self.log_level,
            "STATUS_IO_BACKEND": self.backend,
            "STATUS_MAX_CONNECTIONS": MOST_CONNECTIONS,
            # As fast as the other servers take them.
            "STATUS_ACCEPT_RATE": "0",
        } | dict(self.settings)
        name = self.name.replace("/", "-")
        return Child(name, [str(self.binary)], folder, environment)

    def load_flags(self) -> list[str]:
        return list(self.asks)


class Floor(Server):
    def start(self, port: int, redis_port: int, folder: Path) -> Child:
        flags = ["--port", str(port), "--redis-port", str(redis_port)]
        command = [str(self.binary), *flags]
        return Child(self.name, command, folder, clean_environment())


class Nchan(Server):
    def start(self, port: int, redis_port: int, folder: Path) -> Child:
        configuration = folder / "nginx.conf"
        configuration.write_text(
            NGINX_CONFIGURATION.format(
                module=NCHAN_MODULE,
                folder=folder,
                port=port,
                redis_port=redis_port,
            )
        )
        command = [str(self.binary), "-c", str(configuration), "-e", "stderr"]
        return Child(self.name, command, folder, clean_environment())

    def wait_until_ready(self, child: Child, port: int) -> None:
        """Each worker answers 503 until it has found Redis."""
        super().wait_until_ready(child, port)
        deadline = time.monotonic() + NCHAN_DEADLINE
        answers = 0
        while answers < NCHAN_ANSWERS:
            if time.monotonic() > deadline:
                raise BenchError(f"nchan does not find Redis: {child.tail()}")
            connection = HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/publish/none")
            found = connection.getresponse().status != 503
            connection.close()
            answers = answers + 1 if found else 0

    def load_flags(self) -> list[str]:
        return ["--http-target", "/publish/"]


def backend_obstacle(build: Path, backend: str) -> str:
    """Why the broker cannot use that backend here; empty if it can. It is asked
    by starting it: its log says what it uses.
    """
    server = Status2("probe", build / "status2", backend, "info")
    with tempfile.TemporaryDirectory(prefix="status2-bench-") as name:
        port = free_port()
        # No Redis is needed to say it.
        with server.start(port, free_port(), Path(name)) as child:
            child.wait_for_port(port)
            child.stop()
            said = child.said.read_text()
    for line in said.splitlines():
        entry = json.loads(line)
        if "backend" in entry:
            used = entry["backend"] == backend
            return "" if used else entry.get("error") or "the broker does not"
    raise BenchError("the broker does not say which backend it uses")


def replay_servers(build: Path) -> list[Server]:
    """What a memory of messages, ids and event streams cost."""
    binary = build / "status2"
    off = (("STATUS_TAIL_MESSAGES", "0"),)
    return [
        Status2("status2/no-tail", binary, "epoll", settings=off),
        Status2("status2/epoll", binary, "epoll"),
        Status2("status2/ids", binary, "epoll", asks=("--query", "?tail=0")),
        Status2("status2/events", binary, "epoll", asks=("--event-stream",)),
    ]


def nginx_path() -> Path | None:
    """Debian's nginx, if nchan is there too."""
    found = shutil.which("nginx", path="/usr/sbin:/usr/bin")
    return Path(found) if found and NCHAN_MODULE.exists() else None


def all_servers(build: Path) -> tuple[list[Server], dict[str, str]]:
    """What can be measured here, and why the others cannot."""
    servers: list[Server] = [
        Floor("floor", build / "status2_floor"),
        Status2("status2/epoll", build / "status2", "epoll"),
    ]
    missing: dict[str, str] = {}
    obstacle = backend_obstacle(build, "io_uring")
    if obstacle:
        missing["status2/io_uring"] = obstacle
    else:
        servers.append(Status2("status2/io_uring", build / "status2", "io_uring"))
    nginx = nginx_path()
    if nginx is None:
        missing["nchan"] = "packages nginx and libnginx-mod-nchan are not installed"
    else:
        servers.append(Nchan("nchan", nginx))
    return servers, missing
