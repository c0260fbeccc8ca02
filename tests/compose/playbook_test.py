"""docs/playbook.md: its commands work as they stand there, and its table of
drills names those that there are. Part of stack_test.py, because it needs
Docker; the commands get a stack of their own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/playbook.md"
# The page's own variables make it short; all else is as an operator types it.
SHORT = {
    "STATUS2_DURATION": "10s",
    "STATUS2_VUS": "20",
    "JITTER_DURATION": "5s",
    "STATUS2_PORT": "19102",
    "STATUS2_FROM": "prebuilt",
    "COMPOSE_PROJECT_NAME": "status2-playbook",
}


def commands() -> str:
    return "\n".join(
        re.findall(r"^```bash\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    )


class Playbook(unittest.TestCase):
    def tearDown(self) -> None:
        subprocess.run(
            [ROOT / "compose/wctl", "down"], env=os.environ | SHORT,
            capture_output=True, timeout=120, check=False,
        )  # fmt: skip

    def test_every_command_works_in_the_order_of_the_page(self) -> None:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands()], cwd=ROOT,
            env=os.environ | SHORT, capture_output=True, text=True, timeout=400,
        )  # fmt: skip
        said = done.stdout + done.stderr
        self.assertEqual(done.returncode, 0, said[-3000:])
        for sign in ("PONG", "status2_connections_active", '"redis":"up"',
                     "the viewer connected 1 time\n"):
            self.assertTrue(sign in said, f"{sign} is nowhere in what was said")
        left = subprocess.run(
            ["docker", "ps", "-aq", "--filter",
             f"label=com.docker.compose.project={SHORT['COMPOSE_PROJECT_NAME']}"],
            capture_output=True, text=True, timeout=20, check=True,
        )  # fmt: skip
        self.assertEqual(left.stdout, "", "something of the stack is left")

    def test_the_table_has_every_drill_and_what_it_proves(self) -> None:
        listed = re.findall(r"^\| `([a-z-]+)` \|", PAGE.read_text(), re.MULTILINE)
        said = subprocess.run(
            [sys.executable, ROOT / "compose/drills/drill", "list"],
            capture_output=True, text=True, timeout=20, check=True,
        ).stdout  # fmt: skip
        there = re.findall(r"^([a-z-]+) ", said, re.MULTILINE)
        self.assertEqual(sorted(listed), sorted(there))
        for proves in re.findall(r"^ {10,}(\S.*)$", said, re.MULTILINE):
            self.assertIn(proves, PAGE.read_text())
