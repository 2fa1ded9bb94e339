"""Names with one amount each as horizontal bars, such as the importance of features."""

from collections.abc import Sequence

from markupsafe import Markup

from ml.charts.distributions import shortened
from ml.charts.scales import Scale
from ml.charts.svg import element, join, link, picture

_WIDTH, _NAME_WIDTH, _VALUE_WIDTH, _ROW = 620.0, 160.0, 70.0, 20.0


def ranking(label: str, names: Sequence[str], amounts: Sequence[float]) -> Markup:
    """Return a bar for each name, in the given order; amounts are at least 0. Without names, there is nothing."""
    if not names:
        return Markup("")
    x = Scale(0, max(amounts) or 1.0, _NAME_WIDTH, _WIDTH - _VALUE_WIDTH)
    rows = []
    for index, (name, amount) in enumerate(zip(names, amounts, strict=True)):
        top, width = index * _ROW, x.at(amount) - _NAME_WIDTH
        rows.append(
            link(
                None,
                f"{name}: {amount:.3g}",
                element("text", shortened(name), x=_NAME_WIDTH - 8, y=top + 14, class_="row-name", text_anchor="end"),
                element("rect", x=_NAME_WIDTH, y=top + 4, width=width, height=12, class_="bar"),
                element("text", f"{amount:.3g}", x=_WIDTH - 4, y=top + 14, class_="tick", text_anchor="end"),
            )
        )
    return picture(_WIDTH, len(names) * _ROW, label, join(rows))
