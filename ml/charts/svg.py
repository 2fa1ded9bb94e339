"""SVG elements as markup whose text and attributes are escaped."""

from collections.abc import Iterable
from functools import cache
from html import escape

from markupsafe import Markup


def element(tag: str, *children: str | Markup, **attributes: str | float | None) -> Markup:
    """Return an element; attributes that are None are left out, `class_` is `class`, and `_` in a name is `-`.

    >>> element("text", "a < b", x=1.5, y=2.0, class_="tick", text_anchor="end", href=None)
    Markup('<text x="1.5" y="2" class="tick" text-anchor="end">a &lt; b</text>')
    """
    pairs = "".join(
        [
            f' {_attribute(name)}="{escape(value) if isinstance(value, str) else _text(value)}"'
            for name, value in attributes.items()
            if value is not None
        ]
    )
    content = "".join([child if isinstance(child, Markup) else escape(child) for child in children])
    return Markup(f"<{tag}{pairs}>{content}</{tag}>")  # noqa: S704 - every part is escaped


def join(parts: Iterable[Markup]) -> Markup:
    """Return elements one after the other."""
    return Markup("").join(parts)


def picture(
    width: float, height: float, label: str, *children: Markup, class_: str = "chart", **attributes: str | float | None
) -> Markup:
    """Return an `svg` element that scales with its container; `label` is read by screen readers."""
    return element(
        "svg",
        *children,
        class_=class_,
        viewBox=f"0 0 {_text(width)} {_text(height)}",
        role="group",
        aria_label=label,
        **attributes,
    )


def link(href: str | None, title: str, *children: Markup) -> Markup:
    """Return elements with a tooltip, as a link if there is an address."""
    titled = (element("title", title), *children)
    return element("g", *titled) if href is None else element("a", *titled, href=href)


def points(pairs: Iterable[tuple[float, float]]) -> str:
    """Return the commands of a path through points.

    >>> points([(0, 1), (2.25, 3)])
    'M0 1L2.25 3'
    """
    return "M" + "L".join([f"{_text(x)} {_text(y)}" for x, y in pairs])


@cache
def _attribute(name: str) -> str:
    return name.rstrip("_").replace("_", "-")


def _text(value: str | float) -> str:
    """Return a coordinate with two decimal places at most."""
    return value if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")
