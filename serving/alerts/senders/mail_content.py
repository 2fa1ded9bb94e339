"""The HTML part of a mail: the text of the message, its number in a table, and a picture of the days before.

Mail programs know little of style sheets: tables and inline styles only. Addressing and sending the mail is `mail`.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from guard_core.alerting.figures import Figure
from guard_store.alerts.outbox import Delivery
from ml.charts.pictures import trend_picture

_log = logging.getLogger(__name__)
_COLOURS: Final = {
    "resolved": "#2f7d5b",
    "info": "#56616e",
    "warning": "#b26a00",
    "error": "#b3382c",
    "critical": "#b3382c",
}
_INDENT = "  "
_MIN_DAYS = 2

_environment = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A line of a message's text with the indented lines below it; an indented line that ends in a URL is a link."""

    head: str
    lines: Sequence[tuple[str, str | None]]


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that the HTML part shows by its content id."""

    content_id: str
    png: bytes
    text: str


def read_figure(delivery: Delivery) -> Figure | None:
    """Return the first number that a message is about; None if it is about no number."""
    changes = delivery.payload.get("changes", ())
    figures = (Figure.of(change["details"]) for change in changes if change["action"] != "resolved")
    return next((figure for figure in figures if figure is not None), None)


def draw_picture(delivery: Delivery, figure: Figure | None) -> Picture | None:
    """Draw the days of a figure; None without enough days, or if drawing fails, because a mail without picture is better than none."""
    if figure is None or len(figure.days) < _MIN_DAYS:
        return None
    references = {"threshold": figure.threshold, "baseline": figure.baseline}
    interval = None if figure.low is None or figure.high is None else (figure.low, figure.high)
    try:
        png = trend_picture(
            figure.name,
            figure.days,
            figure.values,
            references={f"{name} {value:.3g}": value for name, value in references.items() if value is not None},
            interval=interval,
        )
    except Exception:  # noqa: BLE001 - logged; the number is in the text, too
        _log.exception("the picture of a mail could not be drawn", extra={"message_id": delivery.id})
        return None
    return Picture(f"{delivery.id}.picture", png, f"{figure.name}, {figure.days[0]} to {figure.days[-1]}")


def render_html(delivery: Delivery, figure: Figure | None, picture: Picture | None) -> str:
    """Return the HTML part of a message; it holds all of its text."""
    state, severity = str(delivery.payload["state"]), str(delivery.payload["severity"])
    return _environment.get_template("mail.html").render(
        title=delivery.title,
        colour=_COLOURS["resolved" if state == "resolved" else severity],
        page=delivery.payload.get("page"),
        paragraphs=list(_paragraphs(delivery.body)),
        figure=figure,
        picture=picture,
    )


def _paragraphs(body: str) -> Iterator[Paragraph]:
    lines = [line for line in body.splitlines() if line.strip()]
    head = ""
    for is_indented, group in groupby(lines, key=lambda line: line.startswith(_INDENT)):
        if is_indented:
            yield Paragraph(head, [_linked(line.strip()) for line in group])
            head = ""
        else:
            *before, head = group
            yield from (Paragraph(line, ()) for line in before)
    if head:
        yield Paragraph(head, ())


def _linked(line: str) -> tuple[str, str | None]:
    """Return the text of a line and its URL.

    >>> _linked("Alert: https://guard/alerts/1"), _linked("temp: PSI is 2.93")
    (('Alert', 'https://guard/alerts/1'), ('temp: PSI is 2.93', None))
    """
    name, _, url = line.rpartition(": ")
    return (name, url) if name and url.startswith(("http://", "https://")) else (line, None)
