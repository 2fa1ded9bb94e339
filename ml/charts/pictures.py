"""A number over its newest days as a PNG file, for mails: mail programs show no SVG.

Pages draw the same with `lines`.
"""

import io
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

_INK, _MUTED, _LINE, _LIMIT, _BASELINE = "#1d2733", "#56616e", "#2f6690", "#b26a00", "#8795a5"
_INCHES, _DPI = (6.4, 2.4), 150


def trend_picture(
    title: str,
    days: Sequence[str],
    values: Sequence[float],
    *,
    references: Mapping[str, float],
    interval: tuple[float, float] | None = None,
) -> bytes:
    """Draw values by local day, and return the PNG file.

    Parameters
    ----------
    references : values of horizontal lines by their text; the first is the one that must not be crossed.
    interval : bounds of the last value.
    """
    from matplotlib.figure import Figure  # imported for the few messages that have a picture

    figure = Figure(figsize=_INCHES, dpi=_DPI, facecolor="white", layout="constrained")
    axes = figure.add_subplot()
    dates: Any = [date.fromisoformat(day) for day in days]
    axes.plot(dates, values, color=_LINE, linewidth=1.6, marker="o", markersize=2.5)
    if interval is not None:
        low, high = interval
        axes.vlines(dates[-1:], low, high, color=_LINE, linewidth=1.2)
    axes.plot(dates[-1:], values[-1:], color=_LINE, marker="o", markersize=5)
    for index, (text, value) in enumerate(references.items()):
        axes.axhline(value, color=_BASELINE if index else _LIMIT, linewidth=1, linestyle=(0, (3, 3)), label=text)
    axes.set_title(title, loc="left", fontsize=9, color=_INK)
    _style(axes)
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


def _style(axes: Any) -> None:
    from matplotlib import dates

    locator = dates.AutoDateLocator(minticks=2, maxticks=7)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    axes.tick_params(colors=_MUTED, labelsize=7, length=0)
    axes.xaxis.get_offset_text().set(color=_MUTED, size=7)
    axes.grid(axis="y", color="#e3e7ec", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[:].set_visible(False)
    if axes.get_legend_handles_labels()[1]:
        axes.legend(fontsize=7, frameon=False, labelcolor=_MUTED, loc="best")
