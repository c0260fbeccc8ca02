"""WebSockets and event streams over TLS, by each way in."""

from __future__ import annotations

import http.client
import json
import tempfile
import unittest
from pathlib import Path

import paths  # noqa: F401
import websocket
from fronts import Apache, Caddy, Front, Haproxy, Nginx, OwnTls
from remote import eventually
from servers import trusting
from stage import CHANNEL


class OverTls:
    """Mixed into a TestCase per way in."""

    kind: type[Front]

    @classmethod
    def setUpClass(cls) -> None:
        cls.own = tempfile.TemporaryDirectory()
        cls.front = cls.kind(Path(cls.own.name), STATUS_LOG_LEVEL="debug")
        try:
            cls.front.__enter__()
        except BaseException:
            cls.own.cleanup()
            raise
        cls.stage = cls.front.stage

    @classmethod
    def tearDownClass(cls) -> None:
        cls.front.__exit__(None, None, None)
        cls.own.cleanup()

    def ask(self, path: str, **fields: str) -> http.client.HTTPResponse:
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.front.port, timeout=15, context=trusting()
        )
        self.addCleanup(connection.close)  # type: ignore
        connection.request("GET", path, headers=fields)
        return connection.getresponse()

    def test_a_websocket(self) -> None:
        client = websocket.create_connection(
            f"wss://127.0.0.1:{self.front.port}/{CHANNEL}",
            timeout=15,
            sslopt={"context": trusting()},
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


class ThroughAProxy(OverTls):
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
            lines = (self.front.folder / "broker.log").read_text().splitlines()
            return [line for line in lines if '"channel":"named"' in line]

        eventually(lambda: "client connected" in str(said()), "a line of the log")
        self.assertNotIn("192.0.2.7", str(said()))  # type: ignore

    def test_plain_http_leads_to_https(self) -> None:
        if not self.front.redirects:
            return
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.front.plain, timeout=15
        )
        self.addCleanup(connection.close)  # type: ignore
        connection.request("GET", "/health", headers={"Host": "status.example"})
        answer = connection.getresponse()
        self.assertIn(answer.status, (301, 308))  # type: ignore
        where = answer.getheader("Location")
        self.assertEqual(where, "https://status.example/health")  # type: ignore

    def test_no_log_has_a_ticket(self) -> None:
        self.ask("/health?ticket=not-for-the-log")

        def said() -> str:
            files = [self.front.requests, *self.front.folder.glob("*.log")]
            return "".join(file.read_text() for file in files if file.exists())

        if self.front.logs:
            eventually(lambda: "/health" in said(), "a line of the proxy's log")
        self.assertNotIn("not-for-the-log", said())  # type: ignore


class OwnTlsTest(OverTls, unittest.TestCase):
    kind = OwnTls


class NginxTest(ThroughAProxy, unittest.TestCase):
    kind = Nginx


class HaproxyTest(ThroughAProxy, unittest.TestCase):
    kind = Haproxy


class ApacheTest(ThroughAProxy, unittest.TestCase):
    kind = Apache


class CaddyTest(ThroughAProxy, unittest.TestCase):
    kind = Caddy


if __name__ == "__main__":
    unittest.main()
