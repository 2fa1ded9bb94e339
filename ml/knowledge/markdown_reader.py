"""Markdown, with HTML within it, as blocks: rendered to HTML, and read as such.

Blocks of HTML do not belong here; they are in `html_reader.py`.
"""

import html
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from ml.encodings import decode_text
from ml.knowledge.blocks import Content, Outline
from ml.knowledge.html_reader import read_markup
from ml.knowledge.normalization import normalize_text

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_block import StateBlock
    from markdown_it.token import Token

_front_matter = re.compile(r"\A---[ \t]*\r?\n(.*?\n)(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.DOTALL)
_toml_front_matter = re.compile(r"\A\+\+\+[ \t]*\n(.*?\n)\+\+\+[ \t]*(?:\n|\Z)", re.DOTALL)
_placeholder = re.compile(r"<([A-Za-z][\w-]*)(?: [\w -]*)?>")
_closing = re.compile(r"</([A-Za-z][\w-]*)")
_CLOSED = "names of closing tags"
_VOID = frozenset({"br", "hr", "img", "wbr"})


def read_markdown(data: bytes) -> Content:
    """Read a Markdown file; its front matter gives the title and is a block of its own."""
    decoded = decode_text(data)
    title, metadata, body = _split_front_matter(decoded.text)
    outline = Outline(title)
    outline.add(metadata)
    closed = frozenset(name.lower() for name in _closing.findall(body))
    content = read_markup(_parser().render(body, {_CLOSED: closed}), outline)
    return replace(content, guessed_encoding=decoded.guessed)


def _split_front_matter(text: str) -> tuple[str, str, str]:
    """Return the title and the text of front matter, empty without one, and the text after it."""
    import yaml

    yaml_match, toml_match = _front_matter.match(text), _toml_front_matter.match(text)
    match = yaml_match or toml_match
    if match is None:
        return "", "", text
    try:
        metadata = yaml.safe_load(match[1]) if yaml_match else tomllib.loads(match[1])
    except (yaml.YAMLError, ValueError):  # a date that does not exist is a ValueError
        return "", "", text
    if not isinstance(metadata, dict):
        return "", "", text
    return normalize_text(str(metadata.get("title") or "")), match[1], text[match.end() :]


@cache
def _parser() -> "MarkdownIt":
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    parser.block.ruler.at("reference", _read_reference)
    parser.add_render_rule("html_inline", _render_inline_html)
    parser.add_render_rule("fence", _render_code)
    return parser


def _read_reference(state: "StateBlock", first: int, last: int, silent: bool) -> bool:  # noqa: FBT001 - markdown-it's signature
    """Read the definition of a link, but not of a footnote, whose text would vanish as the address of a link."""
    from markdown_it.rules_block import reference

    return not state.src.startswith("[^", state.bMarks[first] + state.tShift[first]) and reference(
        state, first, last, silent
    )


def _render_code(_: Any, tokens: "Sequence[Token]", index: int, __: Any, ___: Any) -> str:
    """Render code with the title behind its language, which may be that of an admonition of MyST."""
    _, _, title = tokens[index].info.strip().partition(" ")
    return f"<p>{html.escape(title)}</p><pre>{html.escape(tokens[index].content)}</pre>"


def _render_inline_html(_: Any, tokens: "Sequence[Token]", index: int, __: Any, env: Mapping[str, Any]) -> str:
    """Render HTML as it is, and a name in angle brackets that is never closed, as in `List<String>`, as text."""
    content = tokens[index].content
    name = _placeholder.fullmatch(content)
    if name is None or name[1].lower() in _VOID | env[_CLOSED]:
        return content
    return html.escape(content)
