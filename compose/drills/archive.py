"""The folder `results/`: one folder a run, the last N are kept."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Collection
from datetime import datetime, timezone
from pathlib import Path

_NAME = re.compile(r"^\d{8}T\d{6}Z-([0-9a-f]+|unknown)(-dirty)?(\.\d+)?$")


def new_folder(results: Path, commit: str, now: float | None = None) -> Path:
    """Made here: `<UTC time>-<commit>`, with `.2` if that is taken."""
    moment = datetime.fromtimestamp(time.time() if now is None else now, timezone.utc)
    name = f"{moment:%Y%m%dT%H%M%SZ}-{commit}"
    results.mkdir(parents=True, exist_ok=True)
    count = 1
    while True:
        folder = results / (name if count == 1 else f"{name}.{count}")
        try:
            folder.mkdir()
            return folder
        except FileExistsError:
            count += 1


def archived(results: Path) -> list[Path]:
    """Folders that this module has named, the oldest first."""
    found = [f for f in results.iterdir() if f.is_dir() and _NAME.match(f.name)]
    return sorted(found, key=lambda f: f.name)


def keep_last(
    results: Path, count: int, spared: Collection[Path] = ()
) -> list[Path]:
    """Removes all but the last `count`, and none of `spared`.

    Nothing else in the folder is touched: not a run of `./dev bench`, not what
    somebody put there.
    """
    kept = {folder.resolve() for folder in spared}
    removed = []
    for folder in archived(results)[: -count or None]:
        if folder.resolve() not in kept:
            shutil.rmtree(folder)
            removed.append(folder)
    return removed
