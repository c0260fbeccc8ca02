"""What a page needs: Redis, a broker, a gate in front of it that does harm, and
a site that the page comes from.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType

from gate import Gate
from processes import Child
from remote import eventually
from resume_redis import Client, LocalRedis
from resume_stage import steady_port
from servers import clean_environment

SOURCES = Path(__file__).resolve().parents[2] / "web"
CHANNEL = "run:log"


class Site(SimpleHTTPRequestHandler):
    """`/` is an empty page, everything else is a file of web/."""

    def do_GET(self) -> None:
        if self.path in ("/", "/other"):
            page = b'<!doctype html><link rel="icon" href="data:,"><title>a</title>'
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)
        else:
            super().do_GET()

    def log_message(self, format: str, *args: object) -> None:
        pass


class Stage:
    """Ends with its `with` block."""

    def __init__(self, binary: Path, folder: Path, **variables: str) -> None:
        self._binary, self._folder = binary, folder
        self._variables = {
            "STATUS_PING_INTERVAL": "200ms",
            "STATUS_METRICS_ENABLED": "true",
            "STATUS_LOG_LEVEL": "error",
        } | variables
        self._ends = contextlib.ExitStack()
        self._broker: Child | None = None
        self.broker_port = steady_port()

    def __enter__(self) -> Stage:
        with contextlib.ExitStack() as ends:
            self.redis = LocalRedis(self._folder, steady_port(), None)
            ends.callback(self.redis.end)
            self.redis.start()
            ends.callback(self.stop_broker)
            self.start_broker()
            self.gate = ends.enter_context(Gate(self.broker_port))
            handler = partial(Site, directory=str(SOURCES))
            site = ThreadingHTTPServer(("127.0.0.1", 0), handler)
            site.daemon_threads = True
            threading.Thread(target=site.serve_forever, daemon=True).start()
            ends.callback(site.server_close)
            ends.callback(site.shutdown)
            self.site = f"http://127.0.0.1:{site.server_port}"
            self._ends = ends.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ends.close()

    def start_broker(self) -> None:
        environment = clean_environment() | self._variables
        environment["STATUS_LISTEN_ADDR"] = f"127.0.0.1:{self.broker_port}"
        environment["STATUS_REDIS_URL"] = f"redis://127.0.0.1:{self.redis.port}"
        command = [str(self._binary)]
        self._broker = Child("broker", command, self._folder, environment)
        self._broker.wait_for_port(self.broker_port)

    def stop_broker(self) -> None:
        if self._broker is not None:
            self._broker.stop()

    def restart_redis(self) -> None:
        self.redis.end()
        self.redis.start()

    def publish(self, *lines: object, channel: str = CHANNEL) -> None:
        """Publishes each line once Redis has the broker as a subscriber."""

        def count() -> int:
            with contextlib.suppress(OSError), Client(self.redis.path) as client:
                said = client.ask("PUBSUB", "NUMSUB", channel)
                if said.startswith("*"):
                    client._reply()
                    return int(client._reply().lstrip(":"))
            return 0

        eventually(count, f"a subscriber of {channel}")
        with Client(self.redis.path) as client:
            for line in lines:
                got = client.ask("PUBLISH", channel, str(line))
                assert got == ":1", f"subscribers of {channel}: {got}"

    def metric(self, name: str) -> float:
        for line in self.page("/metrics").splitlines():
            if line.startswith(name + " "):
                return float(line.split()[1])
        return 0.0

    def page(self, path: str) -> str:
        with socket.create_connection(("127.0.0.1", self.broker_port), 5) as asked:
            asked.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
            with asked.makefile("rb") as answer:
                return answer.read().decode()
