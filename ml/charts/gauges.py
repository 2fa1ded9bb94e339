"""An amount against its limits, for a table: a track up to the limit, the amount, and a mark at the lower limit."""

from markupsafe import Markup

from ml.charts.svg import element, picture

_WIDTH, _HEIGHT = 180.0, 14.0


def gauge(label: str, amount: float, soft: float | None, hard: float | None) -> Markup:
    """Return the bar of an amount; its track ends at the hard limit, or beyond the soft one if there is no hard one."""
    end = hard or max(amount, (soft or 0) * 1.25) or 1.0
    width = _WIDTH * min(amount / end, 1.0)
    tone = "bad" if hard is not None and amount >= hard else "warn" if soft is not None and amount >= soft else "good"
    drawn = [
        element("title", label),
        element("rect", x=0, y=3, width=_WIDTH, height=8, class_="track"),
        element("rect", x=0, y=3, width=width, height=8, class_=f"fill {tone}"),
    ]
    if soft is not None and soft < end:
        at = _WIDTH * soft / end
        drawn.append(element("line", x1=at, x2=at, y1=0, y2=_HEIGHT, class_="limit"))
    return picture(_WIDTH, _HEIGHT, label, *drawn, class_="strip gauge")
