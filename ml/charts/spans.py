"""Parts of one piece of work on a common axis of time: when each began, and how long it took."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ml.charts import scales
from ml.charts.scales import Scale
from ml.charts.svg import element, join, link, picture

_WIDTH, _LEFT, _RIGHT, _ROW, _BOTTOM = 960.0, 150.0, 70.0, 24.0, 22.0


@dataclass(frozen=True, slots=True)
class Span:
    """A part of the work; times in milliseconds from its beginning.

    Attributes
    ----------
    note : what the tooltip has besides the duration.
    css : class of the colour; `bad` for a part that failed.
    """

    name: str
    start_ms: float
    duration_ms: float
    note: str = ""
    css: str = "part-0"
    href: str | None = None


def span_chart(label: str, spans: Sequence[Span]) -> Markup:
    """Return one row for each part, in order; without parts, nothing."""
    if not spans:
        return Markup("")
    high = max(*(span.start_ms + span.duration_ms for span in spans), 0.001)
    height = len(spans) * _ROW + _BOTTOM
    x = Scale(0, high, _LEFT, _WIDTH - _RIGHT)
    drawn = []
    for value in scales.ticks(0, high, 6):
        at = x.at(value)
        drawn.append(element("line", x1=at, x2=at, y1=0, y2=height - _BOTTOM, class_="grid"))
        drawn.append(element("text", f"{scales.label(value)} ms", x=at, y=height - 6, class_="tick"))
    drawn.extend(_row(span, index * _ROW, x) for index, span in enumerate(spans))
    return picture(_WIDTH, height, label, join(drawn))


def _row(span: Span, top: float, x: Scale) -> Markup:
    left, right = x.at(span.start_ms), x.at(span.start_ms + span.duration_ms)
    duration = f"{span.duration_ms:,.0f} ms" if span.duration_ms >= 10 else f"{span.duration_ms:.1f} ms"
    title = f"{span.name}: {duration}{', ' if span.note else ''}{span.note}"
    return link(
        span.href,
        title,
        element("text", span.name, x=0, y=top + 16, class_="row-name"),
        element("rect", x=left, y=top + 4, width=max(1.5, right - left), height=_ROW - 8, class_=f"bar {span.css}"),
        element("text", duration, x=max(left + 1.5, right) + 5, y=top + 16, class_="tick"),
    )
