"""WebSockets and event streams through each proxy of deploy/, as it is shipped
but for its ports.
"""

from __future__ import annotations

import http.client
import json
import os
import tempfile
import unittest
from contextlib import ExitStack
from pathlib import Path

import paths
import websocket
from processes import Child
from remote import eventually
from resume_stage import steady_port
from servers import clean_environment
from stage import CHANNEL, Stage

BINARY = Path(os.environ.get("STATUS2_BINARY", "build/dev/status2")).resolve()
DEPLOY = paths.TESTS.parent / "deploy"

NGINX = """daemon off; pid {folder}/nginx.pid; error_log stderr;
events {{ }}
http {{
  access_log off;
  client_body_temp_path {folder}; proxy_temp_path {folder};
  fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
  include {own};
}}
"""

APACHE = """ServerRoot {folder}
PidFile {folder}/apache.pid
ErrorLog /dev/stderr
Listen 127.0.0.1:{port}
ServerName localhost
LoadModule mpm_event_module {modules}/mod_mpm_event.so
LoadModule authz_core_module {modules}/mod_authz_core.so
LoadModule headers_module {modules}/mod_headers.so
LoadModule proxy_module {modules}/mod_proxy.so
LoadModule proxy_http_module {modules}/mod_proxy_http.so
Include {own}
"""


class ThroughAProxy:
    """Mixed into a TestCase per proxy, which has `file` and `command`."""

    file: str
    listens: tuple[str, str]  # what stands for the port, and its replacement

    @classmethod
    def command(cls, own: Path) -> list[str]:
        raise NotImplementedError

    @classmethod
    def setUpClass(cls) -> None:
        with ExitStack() as ends:
            cls.folder = Path(ends.enter_context(tempfile.TemporaryDirectory()))
            cls.folder.chmod(0o755)
            cls.stage = ends.enter_context(
                Stage(
                    BINARY,
                    cls.folder,
                    STATUS_TRUSTED_PROXIES="127.0.0.1",
                    STATUS_LOG_LEVEL="debug",
                )
            )
            cls.port = steady_port()
            own = cls.folder / "own.conf"
            own.write_text(cls.configuration())
            environment = clean_environment()
            proxy = Child("proxy", cls.command(own), cls.folder, environment)
            ends.callback(proxy.stop)
            proxy.wait_for_port(cls.port)
            cls.ends = ends.pop_all()

    @classmethod
    def tearDownClass(cls) -> None:
        cls.ends.close()

    @classmethod
    def configuration(cls) -> str:
        """The shipped one with the ports of this test."""
        text = (DEPLOY / cls.file).read_text()
        mark, replacement = cls.listens
        for old, new in (
            ("127.0.0.1:9002", f"127.0.0.1:{cls.stage.broker_port}"),
            (mark, replacement.format(port=cls.port)),
        ):
            assert old in text, old
            text = text.replace(old, new)
        return text

    def ask(self, path: str, **fields: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=15)
        self.addCleanup(connection.close)  # type: ignore
        connection.request("GET", path, headers=fields)
        return connection.getresponse()

    def test_a_websocket(self) -> None:
        client = websocket.create_connection(
            f"ws://127.0.0.1:{self.port}/{CHANNEL}", timeout=15
        )
        self.addCleanup(client.close)  # type: ignore
        for text in ("one", "two"):
            self.stage.publish(text)
            frame = {"type": "ping"}
            while frame["type"] == "ping":
                frame = json.loads(client.recv())
            self.assertEqual(frame, {"type": "status", "data": text})  # type: ignore

    def test_an_event_stream(self) -> None:
        """Each event passes at once: the next is published only then."""
        answer = self.ask(f"/{CHANNEL}?tail=0", Accept="text/event-stream")
        self.assertEqual(answer.status, 200)  # type: ignore
        kind = answer.getheader("Content-Type")
        self.assertEqual(kind, "text/event-stream")  # type: ignore
        self.assertEqual(self.next_object(answer)["type"], "resumed")  # type: ignore
        for text in ("one", "two"):
            self.stage.publish(text)
            self.assertEqual(self.next_object(answer)["data"], text)  # type: ignore

    @staticmethod
    def next_object(answer: http.client.HTTPResponse) -> dict[str, str]:
        while True:
            line = answer.readline().decode()
            assert line, "the stream ended"
            if line.startswith("data: "):
                found: dict[str, str] = json.loads(line[6:])
                if found["type"] != "ping":
                    return found

    def test_pages_of_viewers_pass_and_no_other(self) -> None:
        for path in ("/health", "/client.js", "/example", "/example.css"):
            self.assertEqual(self.ask(path).status, 200, path)  # type: ignore
        for path in ("/", "/metrics", "/ready", "/chaos/actors", "/chaos/a:b",
                     "/run", "/v1/overview"):
            answer = self.ask(path, Accept="text/event-stream")
            self.assertEqual(answer.status, 404, path)  # type: ignore

    def test_a_client_cannot_name_its_own_address(self) -> None:
        self.ask(
            "/run:named",
            **{
                "Accept": "text/event-stream",
                "X-Forwarded-For": "192.0.2.7",
                "Forwarded": "for=192.0.2.7",
            },
        )

        def said() -> list[str]:
            lines = (self.folder / "broker.log").read_text().splitlines()
            return [line for line in lines if '"channel":"named"' in line]

        eventually(lambda: "client connected" in str(said()), "a line of the log")
        self.assertNotIn("192.0.2.7", str(said()))  # type: ignore


class NginxTest(ThroughAProxy, unittest.TestCase):
    file = "nginx/status2.conf"
    listens = ("listen 80;", "listen 127.0.0.1:{port};")

    @classmethod
    def command(cls, own: Path) -> list[str]:
        main = cls.folder / "main.conf"
        main.write_text(NGINX.format(folder=cls.folder, own=own))
        return ["/usr/sbin/nginx", "-p", str(cls.folder), "-c", str(main)]


class HaproxyTest(ThroughAProxy, unittest.TestCase):
    file = "haproxy/status2.cfg"
    listens = ("bind :80", "bind 127.0.0.1:{port}")

    @classmethod
    def command(cls, own: Path) -> list[str]:
        return ["/usr/sbin/haproxy", "-db", "-f", str(own)]


class ApacheTest(ThroughAProxy, unittest.TestCase):
    file = "apache/status2.conf"
    listens = ("*:80>", "127.0.0.1:{port}>")

    @classmethod
    def command(cls, own: Path) -> list[str]:
        main = cls.folder / "main.conf"
        main.write_text(
            APACHE.format(
                folder=cls.folder,
                own=own,
                port=cls.port,
                modules="/usr/lib/apache2/modules",
            )
        )
        return ["/usr/sbin/apache2", "-DFOREGROUND", "-f", str(main)]


if __name__ == "__main__":
    unittest.main()
