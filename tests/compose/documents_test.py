"""Names that the stack, its alerts, its dashboard and docs/operations.md share
with the generated documents. Needs neither Docker nor a build."""

from __future__ import annotations

import json
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "compose"
OPERATIONS = ROOT / "docs" / "operations.md"


def read(path: pathlib.Path) -> str:
    return path.read_text(encoding="utf-8")


def metric_series() -> set[str]:
    """Every series name that /metrics may show, those of histograms too."""
    names = set()
    for name, kind in re.findall(r"^\| `(status2_\w+)` \| (\w+) \|",
                                 read(ROOT / "docs/metrics.md"), re.MULTILINE):
        names.add(name)
        if kind == "histogram":
            names |= {f"{name}_{end}" for end in ("bucket", "sum", "count")}
    return names


def metrics_in(text: str) -> set[str]:
    # status2_netem is a program.
    return set(re.findall(r"\bstatus2_\w+", text)) - {"status2_netem"}


def close_reasons() -> set[str]:
    _, reasons = read(ROOT / "docs/metrics.md").split("## Reasons")
    return set(re.findall(r"^\| `(\w+)` \|", reasons, re.MULTILINE))


def variables() -> set[str]:
    return set(re.findall(r"^\| `(\w+)` \|",
                          read(ROOT / "docs/configuration.md"), re.MULTILINE))


def sections(text: str) -> dict[str, str]:
    """The text below each heading, by the anchor that GitHub gives it."""
    parts = re.split(r"^#+ (.+)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-"): body
            for title, body in zip(parts[1::2], parts[2::2])}


def alerts() -> list[tuple[str, str]]:
    """Name and runbook of each rule."""
    rules = read(COMPOSE / "prometheus/alerts.yml").split("- alert: ")[1:]
    found = []
    for rule in rules:
        runbook = re.search(r"^ +runbook: (\S+)$", rule, re.MULTILINE)
        found.append((rule.split()[0], runbook.group(1) if runbook else ""))
    return found


def fields_logged() -> set[str]:
    """Keys of log(…, {{"key", value}, …}) in the sources."""
    found = set()
    for folder in ("actors", "service"):
        for path in (ROOT / folder).glob("*.cpp"):
            for call in re.findall(r"\blog(?:_text)?\((?:[^;]|\n)*?\);", read(path)):
                found |= set(re.findall(r'\{"(\w+)",', call))
    return found


class Documents(unittest.TestCase):
    def test_every_field_of_the_log_is_documented(self) -> None:
        _, fields = read(ROOT / "docs/logs.md").split("## Fields")
        listed = re.findall(r"^\| `(\w+)` \|", fields, re.MULTILINE)
        self.assertEqual(len(listed), len(set(listed)))
        self.assertEqual(fields_logged(), set(listed))

    def test_dashboard_asks_for_metrics_that_exist(self) -> None:
        dashboard = json.loads(read(COMPOSE / "grafana/status2.json"))
        queries = [target["expr"] for panel in dashboard["panels"]
                   for target in panel.get("targets", [])]
        self.assertGreater(len(queries), 20)
        for query in queries:
            asked = metrics_in(query)
            self.assertTrue(asked, query)
            self.assertLessEqual(asked, metric_series(), query)

    def test_dashboard_panels_have_numbers_of_their_own(self) -> None:
        panels = json.loads(read(COMPOSE / "grafana/status2.json"))["panels"]
        numbers = [panel["id"] for panel in panels]
        self.assertEqual(len(numbers), len(set(numbers)))

    def test_alerts_ask_for_metrics_and_reasons_that_exist(self) -> None:
        for name in ("alerts.yml", "alerts_test.yml"):
            text = read(COMPOSE / "prometheus" / name)
            self.assertTrue(metrics_in(text))
            self.assertLessEqual(metrics_in(text), metric_series())
            self.assertLessEqual(set(re.findall(r'reason="(\w+)"', text)),
                                 close_reasons())

    def test_alerts_lead_to_a_section_that_names_them(self) -> None:
        known = sections(read(OPERATIONS))
        self.assertTrue(alerts())
        for name, runbook in alerts():
            with self.subTest(name):
                path, _, anchor = runbook.partition("#")
                self.assertEqual(path, "docs/operations.md")
                self.assertIn(f"`{name}`", known.get(anchor, ""))

    def test_operations_name_what_exists(self) -> None:
        text = read(OPERATIONS)
        self.assertLessEqual(metrics_in(text), metric_series())
        self.assertLessEqual(set(re.findall(r"\bSTATUS_[A-Z_]+", text)),
                             variables())
        named = set(re.findall(r"`(Status2\w+)`", text))
        self.assertEqual(named, {name for name, _ in alerts()})

    def test_stack_passes_every_variable_on(self) -> None:
        passed = set(re.findall(r"^      (STATUS_[A-Z_]+):",
                                read(COMPOSE / "common.yml"), re.MULTILINE))
        wanted = {name for name in variables() if name.startswith("STATUS_")}
        # The door is shut but in compose.drill.yml.
        self.assertEqual(passed, wanted - {"STATUS_CHAOS_TOKEN_FILE"})

    def test_readme_names_every_variable_of_the_stack(self) -> None:
        used = set()
        for path in [*COMPOSE.glob("*.yml"), COMPOSE / "wctl",
                     COMPOSE / "base-image"]:
            used |= set(re.findall(r"\$\{(STATUS2_[A-Z_]+)", read(path)))
        # Set by wctl itself, for the labels.
        used -= {"STATUS2_COMMIT", "STATUS2_VERSION", "STATUS2_TOOLBOX"}
        listed = set(re.findall(r"^\| `(STATUS2_\w+)` \|",
                                read(COMPOSE / "README.md"), re.MULTILINE))
        self.assertEqual(used, listed)

    def test_links_lead_somewhere(self) -> None:
        for page in (OPERATIONS, COMPOSE / "README.md"):
            for target in re.findall(r"\]\(([^)#]+)", read(page)):
                with self.subTest(page.name, target=target):
                    self.assertTrue((page.parent / target).exists())


if __name__ == "__main__":
    unittest.main()
