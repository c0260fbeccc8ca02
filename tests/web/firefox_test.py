"""The browser client in Firefox."""

from __future__ import annotations

import unittest
from pathlib import Path

import paths  # noqa: F401
from firefox import Firefox
from remote import eventually
from scenarios import Scenarios


class FirefoxTest(Scenarios, unittest.TestCase):
    browser: Firefox

    @staticmethod
    def start_browser(folder: Path) -> Firefox:
        return Firefox(folder)

    def leave(self) -> None:
        """Firefox judges whether it can keep a page before the page hears that
        it is left: a page with an open connection is loaded again. Here the page
        hears it first.
        """
        self.page.run("dispatchEvent(new Event('pagehide'))")
        self.until("lines.reason == 'pagehide'")
        eventually(
            lambda: self.stage.metric("status2_connections_active") == 0,
            "the connection is closed",
        )
        super().leave()


if __name__ == "__main__":
    unittest.main()
