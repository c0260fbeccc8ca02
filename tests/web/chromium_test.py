"""The browser client in Chromium."""

from __future__ import annotations

import os
import tempfile
import unittest
from pathlib import Path

import paths  # noqa: F401
from chromium import Chromium
from scenarios import Scenarios

SCREENSHOTS = Path(os.environ.get("STATUS2_SCREENSHOTS", tempfile.gettempdir()))


class ChromiumTest(Scenarios, unittest.TestCase):
    browser: Chromium

    @staticmethod
    def start_browser(folder: Path) -> Chromium:
        return Chromium(folder)

    def test_a_frozen_tab(self) -> None:
        stage = self.begin()
        self.watch()
        stage.publish(1)
        self.lines_are(1)
        self.page.freeze(True)
        stage.publish(2, 3)
        self.page.freeze(False)
        self.lines_are(1, 2, 3)
        self.end_well()

    def test_screenshots_of_the_example(self) -> None:
        stage = self.begin()
        page = self.browser.open(self.example())
        self.own.callback(page.close)
        state = "document.getElementById('state').textContent"
        self.until(f"{state} == 'live'", page)
        stage.publish("checkout of 4f2a91c", "compiling", "step 1 of 7: meshing")
        self.until("document.querySelectorAll('#lines li').length == 3", page)
        stage.stop_broker()
        self.until(f"{state} == 'connecting'", page)
        stage.start_broker()
        self.until(f"{state} == 'live'", page)
        for step in range(3, 6):
            stage.publish(f"step {step} of 7: solving, residual 1e-{step}")
        stage.publish("/scratch/run42/" + "very-long-name/" * 6 + "field.vtu")
        self.until("document.querySelectorAll('#lines li').length == 8", page)
        for width, height in ((320, 640), (1100, 700)):
            for dark in (False, True):
                scheme = "dark" if dark else "light"
                file = SCREENSHOTS / f"example-{width}-{scheme}.png"
                page.screenshot(file, width, height, dark)
                self.assertEqual(
                    page.run("document.documentElement.scrollWidth"), width
                )
        self.assertEqual(page.errors, [])

    def test_the_example_by_keyboard(self) -> None:
        """Every control is reached in the order of the page, and shows it."""
        self.begin()
        page = self.browser.open(self.example())
        self.own.callback(page.close)
        self.until("document.getElementById('state').textContent == 'live'", page)
        reached = []
        for _ in range(4):
            page.press("Tab")
            reached.append(page.run("document.activeElement.id || "
                                    "document.activeElement.localName"))
            outline = page.run("getComputedStyle(document.activeElement).outlineStyle")
            self.assertEqual(outline, "solid")
        self.assertEqual(reached, ["a", "channel", "button", "lines"])


if __name__ == "__main__":
    unittest.main()
