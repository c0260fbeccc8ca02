"""Pictures of a record as SVG; the only module that needs matplotlib."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as pyplot  # noqa: E402

from ratios import CPU, YARDSTICK, Spread, figures, over_yardstick  # noqa: E402
from record import Record  # noqa: E402
from targets import TARGETS  # noqa: E402

# Told apart by those who do not see all colours, and by marker in grey.
STYLES = {
    "floor": ("#555555", "s"),
    "status2/epoll": ("#0b5394", "o"),
    "status2/io_uring": ("#d1630a", "D"),
    "nchan": ("#2b8a57", "^"),
}
HIGHEST = 2.2  # ratio that is drawn in full
STEP = 0.22  # between the bars of a work
COMPARED = {target.work for target in TARGETS if target.figure == CPU}
TARGET_COLOUR = "#b00020"

Axes = Any  # matplotlib has no types in Debian 12


def error_bar(spread: Spread) -> list[list[float]]:
    low, high = min(spread.values), max(spread.values)
    return [[spread.median - low], [high - spread.median]]


def target_of(work: str, server: str) -> float | None:
    for target in TARGETS:
        if target.work == work and target.figure == CPU:
            return target.bounds.get(server)
    return None


def draw_bar(axes: Axes, at: float, server: str, spread: Spread) -> None:
    colour, _ = STYLES[server]
    axes.bar(at, spread.median, STEP * 0.9, color=colour, zorder=2)
    axes.errorbar(
        at, spread.median, error_bar(spread), color="black", capsize=3, zorder=3
    )
    # At the foot, away from target and spread; the arrow: higher than drawn.
    high = spread.median > HIGHEST
    axes.annotate(
        f"{spread.median:.1f}↑" if high else f"{spread.median:.2f}",
        (at, 0),
        (0, 4),
        textcoords="offset points",
        ha="center",
        fontsize=8,
        color="white",
        weight="bold",
        zorder=5,
    )


def bench_figure(record: Record) -> Any:
    """CPU a delivery over the floor's, a group of bars a work."""
    works = [work for work in record.works() if work.name in COMPARED]
    servers = [s for s in STYLES if s != YARDSTICK and s in record.servers()]
    figure, axes = pyplot.subplots(figsize=(max(6.0, 1.9 * len(works) + 1), 5))
    for place, work in enumerate(works):
        for index, server in enumerate(servers):
            at = place + (index - (len(servers) - 1) / 2) * STEP
            ratios = over_yardstick(record, work.name, server)
            if ratios:
                draw_bar(axes, at, server, Spread(tuple(ratios)))
            bound = target_of(work.name, server)
            if bound is not None:
                half = STEP / 2
                axes.plot(
                    [at - half, at + half], [bound] * 2, color=TARGET_COLOUR, lw=2, zorder=4
                )
    axes.axhline(1, color="#555555", lw=1, ls="--", zorder=1)
    axes.set_xticks(range(len(works)))
    axes.set_xticklabels([wrapped(work.title) for work in works], fontsize=8)
    axes.set_ylabel("CPU a delivery, × floor")
    axes.set_ylim(0, min(axes.get_ylim()[1], HIGHEST) * 1.08)
    handles = [pyplot.Rectangle((0, 0), 1, 1, color=STYLES[s][0]) for s in servers]
    handles.append(pyplot.Line2D([], [], color=TARGET_COLOUR, lw=2))
    handles.append(pyplot.Line2D([], [], color="#555555", lw=1, ls="--"))
    axes.legend(
        handles,
        [*servers, "target", "floor"],
        loc="lower center",
        bbox_to_anchor=(0.5, 1.0),
        ncol=len(handles),
        frameon=False,
        fontsize=8,
    )
    return figure


def wrapped(title: str) -> str:
    """A title on lines of its own parts."""
    return title.replace(" × ", " ×\n").replace(", ", ",\n").replace(" a channel", "\na channel")


def draw_growth(axes: Axes, record: Record, prefix: str, ratio: bool) -> None:
    works = [w for w in record.works() if w.name.startswith(prefix)]
    for server, (colour, marker) in STYLES.items():
        points: list[tuple[int, Spread]] = []
        for work in works:
            values = (
                over_yardstick(record, work.name, server)
                if ratio
                else figures(record.valid(work.name, server), CPU)
            )
            if values:
                points.append((work.viewers, Spread(tuple(values))))
        if not points or (ratio and server == YARDSTICK):
            continue
        bars = [error_bar(spread) for _, spread in points]
        axes.errorbar(
            [count for count, _ in points],
            [spread.median for _, spread in points],
            [[b[0][0] for b in bars], [b[1][0] for b in bars]],
            color=colour,
            marker=marker,
            ms=5,
            capsize=3,
            label=server,
        )
    counts = sorted({work.viewers for work in works})
    axes.set_xscale("log")
    axes.set_xticks(counts)
    axes.set_xticklabels([f"{count:,}" for count in counts], rotation=35, fontsize=8)
    axes.minorticks_off()
    axes.grid(axis="y", color="#dddddd")
    if ratio:
        axes.axhline(1, color="#555555", lw=1, ls="--")


def growth_figure(record: Record) -> Any:
    """Left: subscribers of one channel; right: channels. Below: the ratio."""
    figure, panels = pyplot.subplots(2, 2, figsize=(10, 7), sharex="col", sharey="row")
    sides = (
        ("subscribers-", "subscribers of one channel"),
        ("channels-", "channels with one subscriber each"),
    )
    for column, (prefix, label) in enumerate(sides):
        for row, ratio in enumerate((False, True)):
            draw_growth(panels[row][column], record, prefix, ratio)
        panels[1][column].set_xlabel(label)
    for first, _ in panels:
        first.set_ylim(bottom=0)  # once both of the row are drawn
    panels[0][0].set_ylabel("CPU µs a delivery")
    panels[1][0].set_ylabel("× floor")
    panels[0][0].legend(frameon=False, fontsize=8)
    return figure


def draw(record: Record, path: Path) -> bool:
    """False if nothing in the record is drawn. Errors: OSError. The format is
    that of the path's suffix.
    """
    if record.kind != "growth" and not any(w.name in COMPARED for w in record.works()):
        return False
    # Text stays text, and the same record gives the same bytes.
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": record.time})
    figure = growth_figure(record) if record.kind == "growth" else bench_figure(record)
    metadata = {"Date": None} if path.suffix == ".svg" else None
    figure.savefig(path, bbox_inches="tight", dpi=100, metadata=metadata)
    pyplot.close(figure)
    return True
