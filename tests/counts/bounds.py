"""Figures that may not grow: bounds.json holds what was measured on purpose."""

from __future__ import annotations

import json
import unittest
from pathlib import Path

PATH = Path(__file__).with_name("bounds.json")


def check(test: unittest.TestCase, name: str, figure: float) -> None:
    """Fails if `figure` is above what was measured, by more than the margin."""
    row = json.loads(PATH.read_text())[name]
    measured, margin = row["measured"], row["margin"]
    bound = measured * (1 + margin)
    print(f"{name}: {figure:.6g} (measured {measured:g}, bound {bound:g})")
    if figure < measured * (1 - 2 * margin):
        print(f"  much better than bounds.json says: lower it to {figure:.6g}")
    if figure > bound:
        test.fail(
            f"{name}: {figure:.6g} is above the bound {bound:g}, which is "
            f"{measured:g} and {margin:.0%}. Find the change that costs it; if it "
            f"is worth that, write {figure:.6g} into {PATH.name} and say why in "
            "the commit."
        )
