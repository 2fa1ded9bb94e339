"""Markdown of model cards and data cards as HTML; HTML in a card is shown as text."""

from collections.abc import MutableMapping, Sequence
from functools import cache
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict
from markupsafe import Markup

_DEEPEST = 6


def render_markdown(text: str, *, below: int = 2) -> Markup:
    r"""Return Markdown as HTML whose headings are below those of the page.

    >>> render_markdown("# Card\n\n<b>bold</b>")
    Markup('<h3>Card</h3>\n<p>&lt;b&gt;bold&lt;/b&gt;</p>\n')
    """
    parser = _parser()
    tokens = parser.parse(text)
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = f"h{min(int(token.tag[1:]) + below, _DEEPEST)}"
    return Markup(parser.renderer.render(tokens, parser.options, {}))  # noqa: S704 - the parser escapes HTML


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    parser.add_render_rule("table_open", _open_table)
    parser.add_render_rule("table_close", _close_table)
    return parser


def _open_table(
    _: RendererHTML, __: Sequence[Token], ___: int, ____: OptionsDict, _____: MutableMapping[str, Any]
) -> str:
    return '<div class="table-box" tabindex="0" role="region" aria-label="table"><table>\n'


def _close_table(
    _: RendererHTML, __: Sequence[Token], ___: int, ____: OptionsDict, _____: MutableMapping[str, Any]
) -> str:
    return "</table></div>\n"
