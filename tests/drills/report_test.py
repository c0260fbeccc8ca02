"""report.json, junit.xml and the page."""

from __future__ import annotations

import json
import re
import unittest
from html.parser import HTMLParser
from unittest import mock
from xml.etree import ElementTree

from support import (
    FolderTest, Level, Probe, Redactor, drill, verdict_of, within,
)  # fmt: skip

from drills import plots, report_html
from drills.model import When
from drills.report import Report, write_all
from drills.verdict import worst

# Nothing that makes a browser ask somebody.
OUTSIDE = re.compile(
    r"""(?:src|href|xlink:href|action|data)\s*=\s*(?!["']?\#)"""
    r"""|url\((?!["']?\#)|@import|https?:|<(?:script|link|iframe|img|object)\b""",
    re.IGNORECASE,
)


class Whole(HTMLParser):
    """Counts elements that are open."""

    EMPTY = {"meta", "br", "path", "use", "rect", "line"}

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.mismatched: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.EMPTY:
            return
        if not self.open or self.open.pop() != tag:
            self.mismatched.append(tag)


def outside(page: str) -> list[str]:
    return [page[m.start() : m.end() + 60] for m in OUTSIDE.finditer(page)]


class Reports(FolderTest):
    def made(self, *drills) -> tuple[dict, str]:
        results = [verdict_of(d, self.folder) for d in drills]
        whole = Report(0, 60, "abc1234", True, {"cpu": "<fast> & \"good\""}, {},
                       results, worst(r.verdict for r in results))  # fmt: skip
        data = write_all(whole, self.folder, Redactor())
        with mock.patch.object(plots, "available", return_value=False):
            return data, report_html.page(data, results)

    def junit(self) -> ElementTree.Element:
        return ElementTree.parse(self.folder / "junit.xml").getroot()

    def failing(self):
        levels = [
            Level("missed < & \x07", "p95", within("<= 50 ms")),
            Level("unknown", "nothing", within("== 0")),
            Level("held", "lost", within("== 0")),
        ]

        def measure(context) -> None:
            context.measured("p95", 51.5, "ms", 10)
            context.measured("lost", 0, "", 10)
            context.measured("nan", float("nan"), "", 0)

        return drill(levels=levels, measure=measure)

    def test_report_json_reads_back_and_holds_no_nan(self) -> None:
        data, _ = self.made(self.failing())
        text = (self.folder / "report.json").read_text()
        read = json.loads(text, parse_constant=self.fail)
        self.assertEqual(read["exit_code"], 1)
        self.assertEqual(read["drills"]["test"]["verdict"], "missed")
        self.assertEqual(read["drills"]["test"]["measurements"]["p95"]["values"], [51.5])
        self.assertEqual(read["drills"]["test"]["measurements"]["nan"]["values"], [])

    def test_junit_counts_misses_as_failures_and_unknown_as_errors(self) -> None:
        self.made(self.failing())
        (suite,) = self.junit().findall("testsuite")
        self.assertEqual(
            {k: suite.get(k) for k in ("tests", "failures", "errors")},
            {"tests": "4", "failures": "1", "errors": "1"},
        )
        self.assertEqual(
            [case.get("name") for case in suite.findall("testcase")][0], "missed < & "
        )

    def test_junit_shows_a_drill_that_could_not_run(self) -> None:
        self.made(drill(probes=[Probe("up", lambda _: 0, within("== 1"))]))
        (suite,) = self.junit().findall("testsuite")
        self.assertEqual(suite.get("errors"), "1")

    def test_junit_shows_a_hypothesis_that_broke(self) -> None:
        probe = Probe("up", lambda _: 0, within("== 1"), When.AFTER, seconds=0)
        self.made(drill(probes=[probe]))
        (suite,) = self.junit().findall("testsuite")
        self.assertEqual(suite.get("failures"), "1")

    def test_the_page_is_whole_escaped_and_asks_nobody(self) -> None:
        _, page = self.made(self.failing())
        parser = Whole()
        parser.feed(page)
        self.assertEqual((parser.open, parser.mismatched), ([], []))
        self.assertEqual(outside(page), [])
        self.assertIn("&lt;fast&gt; &amp; &quot;good&quot;", page)
        self.assertIn("python3-matplotlib", page)  # no plots, and why

    def test_the_check_above_would_find_a_reference(self) -> None:
        for text in ('<img src="x">', '<a href="http://x">', "url(x.png)",
                     "@import 'x'"):  # fmt: skip
            with self.subTest(text=text):
                self.assertTrue(outside(text))


if __name__ == "__main__":
    unittest.main()
