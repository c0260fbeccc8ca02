"""Finds the drills: one file each, in `scenarios/` or folders named."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path

from .errors import CouldNotRun
from .model import Drill

SCENARIOS = Path(__file__).resolve().parent / "scenarios"


def _load(file: Path) -> Drill:
    # Below this package's name, so that a drill can say `from drills …`.
    name = f"drills.scenarios.{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    drill = getattr(module, "DRILL", None)
    if not isinstance(drill, Drill):
        raise CouldNotRun(f"{file} defines no DRILL")
    if drill.name != file.stem.replace("_", "-"):
        raise CouldNotRun(f"{file} holds a drill named {drill.name}")
    return drill


def all_drills(folders: Sequence[Path] = (SCENARIOS,)) -> dict[str, Drill]:
    """By name, in order. A file whose name starts with _ is no drill."""
    files = [f for folder in folders for f in folder.glob("[!_]*.py")]
    drills = [_load(file) for file in sorted(files, key=lambda f: f.stem)]
    return {drill.name: drill for drill in drills}


def chosen(names: Sequence[str], drills: dict[str, Drill]) -> list[Drill]:
    unknown = [name for name in names if name not in drills]
    if unknown:
        raise CouldNotRun(
            f"no such drill: {', '.join(unknown)}; `drill list` lists them"
        )
    return [drills[name] for name in names]
