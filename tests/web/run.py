#!/usr/bin/python3
"""The browser client in every browser, at the same time.

    run.py [unittest arguments]

Exit code 0: every test of every browser passed.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

BROWSERS = ("chromium", "firefox")


def main() -> int:
    folder = Path(__file__).resolve().parent
    running = [
        subprocess.Popen(
            [sys.executable, f"{browser}_test.py", "-v", *sys.argv[1:]],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for browser in BROWSERS
    ]
    bad = 0
    for one in running:
        said, _ = one.communicate()
        print(said, end="", flush=True)
        bad += one.returncode != 0
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
