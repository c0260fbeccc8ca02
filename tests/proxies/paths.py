"""Lets the tests use the parts of the benchmark and of the browser tests."""

import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path += [str(TESTS / "bench"), str(TESTS / "web")]
