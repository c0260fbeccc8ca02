"""A page on https:// that watches, in Chromium, by each way in."""

from __future__ import annotations

import json
import tempfile
import unittest
from pathlib import Path
from typing import Any

import paths  # noqa: F401
from chromium import Chromium
from fronts import FRONTS, Front
from remote import eventually
from stage import CHANNEL
from tokens import key_file, token

# The page and the client come from the broker. Waits between attempts are the
# shortest.
WATCH = """(async () => {
  Math.random = () => 0;
  const {watch} = await import('/client.js');
  window.got = [];
  window.lines = watch('/%s', %s);
  lines.addEventListener('message', ({data}) => got.push(data));
})()"""

# As where a firewall lets no WebSocket through.
NO_WEBSOCKET = """window.WebSocket = class {
  constructor() { setTimeout(() => this.onclose?.({code: 1006})); }
  close() {}
}; 0"""


class HttpsTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.own = tempfile.TemporaryDirectory()
        # The certificates of the tests are nobody's.
        flag = "--ignore-certificate-errors"
        cls.browser = Chromium(Path(cls.own.name), flag)

    @classmethod
    def tearDownClass(cls) -> None:
        cls.browser.stop()
        cls.own.cleanup()

    cookie = ""  # of the page

    def until(self, page: Any, condition: str) -> None:
        eventually(lambda: bool(page.run(condition)), condition)

    def watch(self, front: Front, blocked: bool, **options: object) -> Any:
        page = self.browser.open(f"https://127.0.0.1:{front.port}/example")
        self.addCleanup(page.close)
        # Cookies know no ports: one of an earlier front may be there.
        cookie = self.cookie or "status2=; max-age=0; path=/; secure"
        page.run(f"document.cookie = {json.dumps(cookie)}")
        if blocked:
            page.run(NO_WEBSOCKET)
        page.run(WATCH % (CHANNEL, json.dumps(options)))
        self.until(page, "lines.state == 'live'")
        return page

    def each_way(self, front: Front, **options: object) -> None:
        for blocked in (False, True):
            with self.subTest(front=type(front).__name__, event_stream=blocked):
                page = self.watch(front, blocked, **options)
                line = f"by {'event stream' if blocked else 'WebSocket'}"
                front.stage.publish(line)
                self.until(page, f"got.includes({json.dumps(line)})")
                self.assertEqual(page.errors, [])
                page.run("lines.close()")

    def test_a_message_reaches_a_page(self) -> None:
        for kind in FRONTS:
            with tempfile.TemporaryDirectory() as name, kind(Path(name)) as front:
                self.each_way(front)

    def test_a_token_opens_a_channel(self) -> None:
        for kind in FRONTS:
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                keys = {"STATUS_JWT_KEY_FILE": key_file(folder)}
                with kind(folder, **keys) as front:
                    self.each_way(front, token=token(3600))
                    said = (folder / "broker.log").read_text()
                    self.assertNotIn(token(3600)[:40], said)

    def test_a_cookie_opens_a_channel(self) -> None:
        for kind in FRONTS:
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                settings = {
                    "STATUS_JWT_KEY_FILE": key_file(folder),
                    "STATUS_JWT_COOKIE": "status2",
                    "STATUS_ALLOWED_ORIGINS": "https://status.example",
                }
                with kind(folder, **settings) as front:
                    self.cookie = f"status2={token(3600)}; path=/; secure"
                    self.each_way(front)


if __name__ == "__main__":
    unittest.main()
