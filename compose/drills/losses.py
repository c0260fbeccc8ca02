"""What witnesses missed of what a publisher got rid of, and whether they were
told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from .context import Context
from .model import Better, Level
from .publisher import Published
from .tolerance import within
from .witness import Witnesses

# Stamps of a gap frame have milliseconds.
STAMP_SECONDS = 0.001


@dataclass
class Losses:
    missed: list[Published] = field(default_factory=list)  # once a witness
    untold: int = 0
    twice: int = 0
    unordered: int = 0


def judge(witnesses: Witnesses, published: Sequence[Published]) -> Losses:
    """Missed: Redis took it after the witness was live, and it never came."""
    found = Losses()
    for witness in witnesses.all:
        first = min(witness.arrivals)
        due = [p for p in published if p.number >= first]
        missing = set(witnesses.missed(witness, [p.number for p in due]))
        for message in (p for p in due if p.number in missing):
            found.missed.append(message)
            found.untold += not any(
                g.since - STAMP_SECONDS <= message.at <= g.until + STAMP_SECONDS
                for g in witness.gaps
            )
        found.twice += witness.duplicated
        found.unordered += witness.reordered
    return found


def note(
    context: Context, found: Losses, witnesses: Witnesses, published: int
) -> None:
    """The usual measurements of witnesses."""
    count = published * len(witnesses.all)
    closed = len(witnesses.all) - witnesses.open_count()
    context.measured("witnesses_closed", closed, "", len(witnesses.all))
    context.measured("lost", len(found.missed), "", count, better=Better.NEITHER)
    context.measured("lost_untold", found.untold, "", count)
    context.measured("duplicated", found.twice, "", count)
    context.measured("reordered", found.unordered, "", count)


def levels(minimum: int) -> list[Level]:
    """What holds in every drill."""
    return [
        Level("nobody was closed", "witnesses_closed", within("== 0"),
              needs_generator=False),
        Level("every loss was told by a gap frame", "lost_untold",
              within("== 0"), minimum, needs_generator=False),
        Level("nothing came twice", "duplicated", within("== 0"), minimum,
              needs_generator=False),
        Level("nothing came out of order", "reordered", within("== 0"), minimum,
              needs_generator=False),
    ]  # fmt: skip
