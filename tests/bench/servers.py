"""The servers under test: how each is started and how it is published to."""

from __future__ import annotations

import json
import os
import shutil
import ssl
import subprocess
import tempfile
import time
from dataclasses import dataclass, replace
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path

from processes import BenchError, Child, free_port

MOST_CONNECTIONS = "19500"  # the growth works open 19,000
NCHAN_MODULE = Path("/usr/lib/nginx/modules/ngx_nchan_module.so")
NCHAN_DEADLINE = 20.0
NCHAN_ANSWERS = 50  # in a row, so that every worker was asked

NGINX = """\
daemon off;
worker_processes {workers};
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
"""

NCHAN = """\
load_module {module};
""" + NGINX + """\
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


TLS_FRONT = NGINX + """\
  server {{
    listen 127.0.0.1:{port} ssl backlog=4096;
    ssl_certificate {certificate};
    ssl_certificate_key {key};
    ssl_protocols TLSv1.2 TLSv1.3;
    location / {{
      proxy_pass http://127.0.0.1:{broker_port};
      proxy_http_version 1.1;
      proxy_set_header Host $host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection upgrade;
      proxy_read_timeout 1h;
      proxy_buffering off;
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

    def environment(self, port: int, redis_port: int) -> dict[str, str]:
        return clean_environment() | {
            "STATUS_LISTEN_ADDR": f"127.0.0.1:{port}",
            "STATUS_REDIS_URL": f"redis://127.0.0.1:{redis_port}/2",
            "STATUS_LOG_LEVEL": self.log_level,
            "STATUS_IO_BACKEND": self.backend,
            "STATUS_MAX_CONNECTIONS": MOST_CONNECTIONS,
            # As fast as the other servers take them.
            "STATUS_ACCEPT_RATE": "0",
        } | dict(self.settings)

    def start(self, port: int, redis_port: int, folder: Path) -> Child:
        name = self.name.replace("/", "-")
        environment = self.environment(port, redis_port)
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
            NCHAN.format(
                workers=2,
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


@dataclass(frozen=True)
class TlsStatus2(Status2):
    """The broker, which speaks TLS itself."""

    def start(self, port: int, redis_port: int, folder: Path) -> Child:
        own = tls_settings(folder)
        with_tls = replace(self, settings=(*self.settings, *own.items()))
        return Status2.start(with_tls, port, redis_port, folder)

    def load_flags(self) -> list[str]:
        return ["--tls", *self.asks]


@dataclass(frozen=True)
class BehindNginx(Status2):
    """The broker, and nginx in front of it, which speaks TLS. Both count."""

    nginx: Path = Path("/usr/sbin/nginx")

    def start(self, port: int, redis_port: int, folder: Path) -> Child:
        certificate, key = make_certificate(folder)
        broker_port = free_port()
        configuration = folder / "nginx.conf"
        configuration.write_text(
            TLS_FRONT.format(
                workers="auto",
                folder=folder,
                port=port,
                broker_port=broker_port,
                certificate=certificate,
                key=key,
            )
        )
        # The broker is a child of what becomes nginx, and ends with it.
        script = 'setpriv --pdeathsig KILL "$0" & exec "$1" -c "$2" -e stderr'
        command = ["sh", "-c", script, str(self.binary), str(self.nginx)]
        environment = self.environment(broker_port, redis_port)
        name = self.name.replace("/", "-")
        return Child(name, [*command, str(configuration)], folder, environment)

    def wait_until_ready(self, child: Child, port: int) -> None:
        """nginx answers 502 until the broker listens."""
        super().wait_until_ready(child, port)
        deadline = time.monotonic() + NCHAN_DEADLINE
        while True:
            connection = HTTPSConnection(
                "127.0.0.1", port, context=trusting(), timeout=5
            )
            connection.request("GET", "/health")
            status = connection.getresponse().status
            connection.close()
            if status == 200:
                return
            if time.monotonic() > deadline:
                raise BenchError(f"nginx does not find the broker: {child.tail()}")
            time.sleep(0.05)

    def load_flags(self) -> list[str]:
        return ["--tls", *self.asks]


def make_certificate(folder: Path) -> tuple[str, str]:
    """One for 127.0.0.1, as most are today: ECDSA on P-256."""
    certificate, key = folder / "tls.pem", folder / "tls.key"
    if not certificate.exists():
        new = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1"
        names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
        files = ["-keyout", str(key), "-out", str(certificate)]
        subprocess.run(
            [*new.split(), "-nodes", "-days", "2", *names, *files],
            check=True,
            capture_output=True,
        )
    return str(certificate), str(key)


def tls_settings(folder: Path) -> dict[str, str]:
    """Of the broker, with a certificate of its own."""
    certificate, key = make_certificate(folder)
    return {"STATUS_TLS_CERT_FILE": certificate, "STATUS_TLS_KEY_FILE": key}


def trusting() -> ssl.SSLContext:
    """For clients: that certificate is nobody's."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


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


def tls_servers(build: Path) -> tuple[list[Server], dict[str, str]]:
    """TLS by the broker, and by nginx in front of it."""
    binary = build / "status2"
    own: list[Server] = [TlsStatus2("status2/tls", binary, "epoll")]
    nginx = plain_nginx_path()
    if nginx is None:
        return own, {"nginx+status2": "the package nginx is not installed"}
    front = BehindNginx("nginx+status2", binary, "epoll", nginx=nginx)
    return [front, *own], {}


def plain_nginx_path() -> Path | None:
    found = shutil.which("nginx", path="/usr/sbin:/usr/bin")
    return Path(found) if found else None


def nginx_path() -> Path | None:
    """Debian's nginx, if nchan is there too."""
    found = plain_nginx_path()
    return found if found and NCHAN_MODULE.exists() else None


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
