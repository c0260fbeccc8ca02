"""Keeps secrets out of everything that is written or shown."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

MASK = "[secret]"


class Redactor:
    """Knows the values of secret files, in the forms in which they travel."""

    def __init__(self, files: Iterable[Path] = ()) -> None:
        self._values: list[str] = []
        for file in files:
            self.add_file(file)

    def add_file(self, file: Path) -> None:
        """Errors: OSError if it cannot be read; a secret is never guessed."""
        self.add(file.read_text().strip())

    def add(self, value: str) -> None:
        if not value:
            return
        forms = {
            value,
            quote(value, safe=""),
            json.dumps(value)[1:-1],
            base64.b64encode(value.encode()).decode().rstrip("="),
        }
        # The longest first: one form may be a part of another.
        merged = forms | set(self._values)
        self._values = sorted(merged, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        for value in self._values:
            text = text.replace(value, MASK)
        return text

    def clean(self, value: object) -> object:
        """The same for each string in nested lists and dictionaries."""
        if isinstance(value, str):
            return self(value)
        if isinstance(value, dict):
            return {self(str(k)): self.clean(v) for k, v in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.clean(item) for item in value]
        return value

    def clean_file(self, file: Path) -> None:
        """Rewrites a file in place, if it holds a secret."""
        text = file.read_text(errors="replace")
        cleaned = self(text)
        if cleaned != text:
            file.write_text(cleaned)
