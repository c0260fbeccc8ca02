"""A bound on a number: a predicate that can be read by people and programs."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
}
_TEXT = re.compile(r"^\s*(<=|>=|==|<|>)\s*(-?\d+(?:\.\d+)?)\s*(\S.*?)?\s*$")


@dataclass(frozen=True)
class Tolerance:
    """Such as `<= 50 ms`. A value that is not a number never holds."""

    sign: str
    bound: float
    unit: str = ""

    def __post_init__(self) -> None:
        if self.sign not in _OPERATORS:
            raise ValueError(f"no such comparison: {self.sign!r}")

    def holds(self, value: float) -> bool:
        if math.isnan(value):
            return False
        return _OPERATORS[self.sign](value, self.bound)

    def __str__(self) -> str:
        return f"{self.sign} {self.bound:g} {self.unit}".strip()


def within(text: str) -> Tolerance:
    """Reads `<= 50 ms`. Errors: ValueError if the text is not a bound."""
    match = _TEXT.match(text)
    if match is None:
        raise ValueError(f"not a bound: {text!r}; write for example '<= 50 ms'")
    sign, bound, unit = match.groups()
    return Tolerance(sign, float(bound), unit or "")
