"""Pictures of a run as SVG, by matplotlib: the only module that needs it."""

from __future__ import annotations

import importlib.util
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

from .model import Chart
from .series import Point, SeriesStore, Window, growth

MISSING = (
    "No plots: Debian's package python3-matplotlib is missing "
    "(apt-get install python3-matplotlib)."
)
# Told apart by those who do not see all colours, and in grey on paper
# together with the dashes.
_COLOURS = ("#0b5394", "#d1630a", "#2b8a57", "#7a3fa0", "#8a6d1b", "#555555")
_DASHES = ("-", "--", "-.", ":", "-", "--")
_MIB = 2**20


@dataclass(frozen=True)
class Line:
    label: str
    points: Sequence[Point]


@dataclass(frozen=True)
class Picture:
    title: str
    unit: str
    lines: Sequence[Line]


def available() -> bool:
    return importlib.util.find_spec("matplotlib") is not None


def usual(series: SeriesStore, charts: Sequence[Chart]) -> list[Picture]:
    """The pictures every drill has, and its own, as far as there are data."""
    found = [
        Picture("Latency, publisher to client", "ms", [
            Line(share, series.get(f"latency_{share}_ms"))
            for share in ("p50", "p95", "p99")] + [
            Line("p95 of k6", series.get("k6_latency_p95_ms"))]),
        Picture("Deliveries", "a second", _rates(series, {
            "broker": "status2_messages_forwarded_total",
            "witnesses": "clients_received_total"})),
        Picture("Connections", "open", [
            Line("broker", series.get("status2_connections_active")),
            Line("witnesses", series.get("clients_open"))]),
        Picture("CPU", "% of a core", _prefixed(series, "cpu_percent:", 1)),
        Picture("Resident memory", "MiB", _prefixed(series, "rss_bytes:", _MIB)),
    ]  # fmt: skip
    for chart in charts:
        lines = dict(chart.lines)
        found.append(Picture(
            chart.title, chart.unit,
            _rates(series, lines) if chart.rate else
            [Line(label, series.get(name)) for label, name in lines.items()],
        ))  # fmt: skip
    pictures = []
    for picture in found:
        drawn = [line for line in picture.lines if len(line.points) > 1]
        if drawn:
            pictures.append(Picture(picture.title, picture.unit, drawn))
    return pictures


def _rates(series: SeriesStore, names: dict[str, str]) -> list[Line]:
    return [Line(label, growth(series.get(name))) for label, name in names.items()]


def _prefixed(series: SeriesStore, start: str, divisor: float) -> list[Line]:
    return [
        Line(name[len(start) :], [(t, v / divisor) for t, v in series.get(name)])
        for name in series.names(start)
    ]


def _broken(points: Sequence[Point], begun: float) -> tuple[list[float], list[float]]:
    """Seconds since the beginning. A hole in the data is a hole in the line."""
    xs: list[float] = []
    ys: list[float] = []
    for t, value in points:
        if xs and t - begun - xs[-1] > 3.5:
            xs.append(t - begun)
            ys.append(float("nan"))
        xs.append(t - begun)
        ys.append(value)
    return xs, ys


def svg(
    picture: Picture, windows: Sequence[Window], begun: float, ended: float, salt: str
) -> str:
    """One picture, to stand in a page: no reference to anything outside.

    `salt` makes the ids in it unique in the page.
    """
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    settings = {
        "svg.fonttype": "none",  # text stays text: searchable, sharp on paper
        "svg.hashsalt": salt,
        "font.family": "sans-serif",
        "font.size": 9,
    }
    with matplotlib.rc_context(settings):
        figure, axes = pyplot.subplots(figsize=(7.2, 2.3))
        # The same frame in each picture, so that times stand below each other.
        axes.set_position((0.08, 0.2, 0.76, 0.67))
        _shade(axes, windows, begun, ended)
        for index, line in enumerate(picture.lines):
            xs, ys = _broken(line.points, begun)
            axes.plot(
                xs, ys, label=line.label, linewidth=1.4,
                color=_COLOURS[index % len(_COLOURS)],
                linestyle=_DASHES[index % len(_DASHES)],
            )  # fmt: skip
        _frame(axes, picture, ended - begun)
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None})
        pyplot.close(figure)
    return _inline(out.getvalue(), picture.title)


def _shade(axes, windows: Sequence[Window], begun: float, ended: float) -> None:
    for index, window in enumerate(windows):
        end = ended if window.end is None else window.end
        # A fault of milliseconds must be seen too.
        width = max(end - window.begin, (ended - begun) / 300)
        axes.axvspan(
            window.begin - begun, window.begin - begun + width,
            color="#c0392b", alpha=0.16, linewidth=0,
            label="fault" if index == 0 else None,
        )  # fmt: skip


def _frame(axes, picture: Picture, seconds: float) -> None:
    axes.set_title(f"{picture.title} ({picture.unit})", loc="left", fontsize=10)
    axes.set_xlabel("seconds since the start of the run")
    axes.set_xlim(0, max(seconds, 1))
    axes.set_ylim(bottom=0)
    axes.grid(axis="y", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.legend(
        loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, borderaxespad=0
    )


def _inline(text: str, title: str) -> str:
    """Only the element itself: HTML needs no namespaces, and metadata and
    document types name addresses."""
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", text)
    text = text.replace("xlink:href", "href")
    return text.replace("<svg ", f'<svg role="img" aria-label="{title}" ', 1)
