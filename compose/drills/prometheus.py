"""Reads Prometheus's text format, as far as a sampler needs it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_SAMPLE = re.compile(
    r"^(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)"
    r"(?:\{(?P<labels>.*)\})?"
    r"\s+(?P<value>[^\s]+)(?:\s+-?\d+)?\s*$"
)
_LABEL = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*,?')
_ESCAPES = {r"\\": "\\", r"\"": '"', r"\n": "\n"}


@dataclass(frozen=True)
class Sample:
    name: str
    labels: tuple[tuple[str, str], ...]
    value: float

    @property
    def key(self) -> str:
        """The name of its series: `name` or `name{label="value"}`."""
        if not self.labels:
            return self.name
        inner = ",".join(f'{name}="{value}"' for name, value in self.labels)
        return f"{self.name}{{{inner}}}"


def _unescape(text: str) -> str:
    return re.sub(r"\\.", lambda m: _ESCAPES.get(m[0], m[0]), text)


def _labels(text: str) -> tuple[tuple[str, str], ...]:
    found, at = [], 0
    while at < len(text.rstrip()):
        match = _LABEL.match(text, at)
        if match is None:
            raise ValueError(f"labels that cannot be read: {text!r}")
        found.append((match[1], _unescape(match[2])))
        at = match.end()
    return tuple(found)


def parse(text: str) -> Iterator[Sample]:
    """Errors: ValueError with the first line that is not of the format."""
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _SAMPLE.match(line)
        if match is None:
            raise ValueError(f"not a Prometheus sample: {line!r}")
        labels = _labels(match["labels"]) if match["labels"] else ()
        yield Sample(match["name"], labels, float(match["value"]))


def totals(text: str) -> dict[str, float]:
    """By name, the sum over all labels. Buckets of histograms are left out."""
    sums: dict[str, float] = {}
    for sample in parse(text):
        if not any(name == "le" for name, _ in sample.labels):
            sums[sample.name] = sums.get(sample.name, 0.0) + sample.value
    return sums
