"""Pages and fragments of reports: templates, the style sheet, and the limit of their size.

What a report shows does not belong here.
"""

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ml.charts import STYLE_SHEET
from ml.tables.read import InputError

MAX_BYTES: Final = 300_000
"""Every page is smaller than this, whatever the rows and columns."""
_STYLES = Path(__file__).parent / "reports.css"


def render(template: str, /, **context: Any) -> Markup:
    """Render a template of `ml/reports/templates`; what is no markup is escaped."""
    return Markup(_environment().get_template(template).render(**context))  # noqa: S704 - templates escape


def page(title: str, body: Markup) -> str:
    """Return a self-contained HTML page around the body of a report."""
    return render("page.html", title=title, style=_style(), body=body)


def fragment(body: Markup) -> str:
    """Return a part of an HTML page whose style sheet applies to nothing else on the page."""
    return render("fragment.html", style=_style(), body=body)


def within(parts: Iterable[Markup], most_bytes: int) -> list[Markup]:
    """Return the first parts that fit into a number of bytes together."""
    fitting: list[Markup] = []
    for part in parts:
        most_bytes -= len(part.encode(errors="replace"))
        if most_bytes < 0:
            break
        fitting.append(part)
    return fitting


def write_page(path: Path, text: str) -> None:
    """Write a page to a file.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    try:
        path.write_text(text, encoding="utf-8", errors="replace")
    except OSError as error:
        raise InputError(f"--html {path}: {error.strerror}; give a path in a folder that can be written to") from error


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("ml.reports"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _style() -> Markup:
    """Return both style sheets, nested under one class so that they leave the rest of a notebook alone."""
    charts = STYLE_SHEET.read_text(encoding="utf-8").replace(":root", "&")
    return Markup(f".ml-guard-report {{\n{charts}{_STYLES.read_text(encoding='utf-8')}}}")  # noqa: S704 - our own files
