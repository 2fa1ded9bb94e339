"""HTML as blocks: every text outside scripts and styles belongs to one block, whatever its element.

Other formats do not belong here; Markdown becomes HTML in `markdown_reader.py`.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Final

from ml.encodings import decode_text
from ml.knowledge.blocks import Content, Outline
from ml.knowledge.normalization import normalize_text

if TYPE_CHECKING:
    from bs4 import BeautifulSoup
    from bs4.element import Tag

# Of a formula, TeX in MathML; of Confluence, numbers of tasks that no page shows.
_NOT_TEXT: Final = frozenset(
    {"script", "style", "template", "annotation", "annotation-xml", "ac:task-id", "ac:task-uuid"}
)
_HEADINGS: Final = ("h1", "h2", "h3", "h4", "h5", "h6")
# Elements within which a paragraph goes on; every other one, known or not, begins a block.
_INLINE_NAMES: Final = (
    "a abbr acronym b bdi bdo big br cite code data del dfn em font i img input ins kbd label mark nobr q rp rt ruby s samp small"
    " span strike strong sub sup time tt u var wbr"
    " math mfenced mfrac mi mn mo mover mpadded mroot mrow ms mspace msqrt mstyle msub msubsup msup mtext munder munderover semantics"
    " tspan"
    " ac:emoticon ac:image ac:inline-comment-marker ac:link ac:link-body ac:plain-text-link-body"
    " ri:attachment ri:blog-post ri:page ri:url ri:user"
)
_INLINE: Final = frozenset(_INLINE_NAMES.split())
_MACROS: Final = frozenset({"ac:structured-macro", "ac:parameter"})  # within a paragraph, such as a status
_OFFICE: Final = ("o:", "st1:")  # smart tags and empty paragraphs of Word
_SHOWN_ATTRIBUTES: Final = {
    "img": "alt", "abbr": "title", "ri:page": "ri:content-title", "ri:attachment": "ri:filename",
    "tabitem": "label", "ri:blog-post": "ri:content-title", "ac:image": "ac:alt", "area": "alt", "optgroup": "label",
}  # fmt: skip
_SHOWN_INPUTS: Final = frozenset(
    {"text", "search", "email", "url", "tel", "number", "date", "time", "submit", "reset", "button"}
)
_EDITS: Final = frozenset({"del", "ins", "s", "strike"})
_hides = re.compile(
    r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all)(?![\w-])", re.IGNORECASE
)
_cdata = re.compile(r"<!\[CDATA\[(.*?)\]\]>", re.DOTALL)
_footnote_mark = re.compile(r"\s*[\[(]?[\d*†‡]")
_google_class = re.compile(r"c\d+").fullmatch
_CELL = " | "
# Parts of a page that scripts open: their classes in Confluence, Bootstrap and their like.
_opens = re.compile(r"accordion|collaps|expand|tab-?(?:pane|content)|toggle", re.IGNORECASE)
_permalink = re.compile(r"\s*[¶#§🔗]\s*")  # beside headings of Sphinx and MkDocs
_CONTROLS: Final = ("aria-controls", "data-target", "data-bs-target", "href")


@dataclass(frozen=True, slots=True)
class _Place:
    """The elements around a node: the block, the row and cell of a table, and the heading; None without one.

    Attributes
    ----------
    edit : name of the element that marks the text as deleted or inserted; empty without one.
    """

    block: "Tag | None" = None
    row: "Tag | None" = None
    cell: "Tag | None" = None
    heading: "Tag | None" = None
    is_text: bool = True
    edit: str = ""

    @property
    def unit(self) -> "Tag | None":
        """The element whose text stays together."""
        return self.heading or self.row or self.block


@dataclass
class _Passage:
    """Text of one unit, cell by cell."""

    place: _Place
    cell: "Tag | None" = None
    cells: list[list[str]] = field(default_factory=lambda: [[]])
    edit: str = ""

    def append(self, place: _Place, text: str) -> None:
        if place.unit is place.row and place.cell is not None and place.cell is not self.cell:
            self.cells.append([])
            self.cell = place.cell
        elif place.block is not self.place.block:
            self.cells[-1].append(" ")
        if text:
            if place.edit and self.edit not in ("", place.edit):
                self.cells[-1].append(" ")  # no word is deleted and inserted
            self.edit = place.edit
        self.place = place
        self.cells[-1].append(text)

    @cached_property
    def text(self) -> str:
        cells = [normalize_text("".join(parts)) for parts in self.cells]
        return _CELL.join(cells[1:] if len(cells) > 1 and not cells[0] else cells) if any(cells) else ""


def read_html(data: bytes) -> Content:
    """Read an HTML file in its declared encoding."""
    from bs4.dammit import EncodingDetector

    declared = EncodingDetector.find_declared_encoding(data, is_html=True, search_entire_document=False)
    decoded = decode_text(data, declared)
    return replace(read_markup(decoded.text, Outline()), guessed_encoding=decoded.guessed)


def read_markup(markup: str, outline: Outline) -> Content:
    """Add the text of HTML to an outline and return the content."""
    soup = _parse(markup)
    for frame in soup.find_all("iframe", srcdoc=True):  # of saved pages
        frame.append(_parse(str(frame["srcdoc"])))
    title = _title(soup)
    passages = [passage for passage in _passages(soup) if passage.text]
    first = next((passage.text for passage in passages if _level(passage) == 1), title)
    if title != first:
        outline.add(title)
    for passage in passages:
        level = _level(passage)
        if level is None:
            outline.add(passage.text)
        else:
            outline.enter(level, passage.text)
    outline.title = outline.title or title
    return Content(outline.title, outline.blocks())


def _parse(markup: str) -> "BeautifulSoup":
    from bs4 import BeautifulSoup

    # Confluence keeps code in CDATA sections, which HTML reads as comments.
    return BeautifulSoup(_cdata.sub(lambda match: html.escape(match[1]), markup), "html.parser")


def _title(soup: "BeautifulSoup") -> str:
    """Return the title of the page; pictures of SVG have titles too."""
    titles = (title for title in soup.find_all("title") if title.find_parent("svg") is None)
    return normalize_text(next((title.get_text() for title in titles), ""))


def _level(passage: _Passage) -> int | None:
    heading = passage.place.heading
    return None if heading is None else _heading_level(heading)


def _heading_level(element: "Tag") -> int | None:
    """Return the level of a heading, or of the title of a document of Word or Google, which is a paragraph; None for other elements."""
    if element.name in _HEADINGS:
        return int(element.name[1])
    if element.name != "p":
        return None
    classes = set(element.get_attribute_list("class"))
    is_title = "MsoTitle" in classes or ("title" in classes and any(map(_google_class, filter(None, classes))))
    return 1 if is_title else None


def _passages(soup: "BeautifulSoup") -> list[_Passage]:
    """Return the text of each unit in order; the text of a row stays together around tables within it."""
    passages: list[_Passage] = []
    rows: dict[int, _Passage] = {}
    for place, text in _texts(soup):
        passage = rows.get(id(place.row)) if place.unit is place.row else None
        if passage is None and passages and passages[-1].place.unit is place.unit:
            passage = passages[-1]
        if passage is None:
            passage = _Passage(place)
            passages.append(passage)
            if place.row is not None and place.unit is place.row:
                rows[id(place.row)] = passage
        passage.append(place, text)
    return passages


def _texts(soup: "BeautifulSoup") -> Iterator[tuple[_Place, str]]:
    """Yield each text with its place; elements give the places their borders, with no text or that of an attribute."""
    from bs4.element import NavigableString, PreformattedString, Tag

    layout_rows, revealed = _rows_with_headings(soup), _revealed_ids(soup)
    places: dict[int, _Place] = {id(soup): _Place()}
    for node in soup.descendants:
        around = places[id(node.parent)]
        if isinstance(node, Tag):
            place = _inner_place(node, around, layout_rows)
            if _is_hidden(node) and node.get("id") not in revealed:
                place = replace(place, is_text=False)
            places[id(node)] = place
            if place.is_text:
                yield place, _shown_by(node)
        elif around.is_text and isinstance(node, NavigableString) and not isinstance(node, PreformattedString):
            yield around, str(node)


def _inner_place(element: "Tag", around: _Place, layout_rows: set[int]) -> _Place:
    name = element.name
    is_shadow = name == "template" and element.has_attr("shadowrootmode")  # a web component of a saved page
    if (name in _NOT_TEXT and not is_shadow) or (name == "title" and element.find_parent("svg") is None):
        return replace(around, is_text=False)
    is_macro = name in _MACROS and around.block is not None and around.block.name == "p"
    if name in _INLINE or name.startswith(_OFFICE) or is_macro:
        return replace(around, edit=name) if name in _EDITS else around
    if _heading_level(element) is not None:
        return replace(around, block=element, heading=element)
    if name == "tr":
        return replace(around, block=element, row=None if id(element) in layout_rows else element, cell=None)
    if name in ("td", "th"):
        return replace(around, block=element, cell=element)
    return replace(around, block=element)


def _is_hidden(element: "Tag") -> bool:
    """Return whether an element is hidden by itself; panels of tabs and what a search within the page finds can be shown."""
    classes = " ".join(filter(None, element.get_attribute_list("class")))
    if element.get("role") == "tabpanel" or _opens.search(classes):
        return False
    if element.name == "a" and _permalink.fullmatch(element.get_text()):
        return True
    # The second copy of a formula, for the eye.
    is_copy = "katex-html" in classes
    return (
        is_copy
        or "mw-editsection" in classes
        or element.get("hidden") not in (None, "until-found")
        or _hides.search(str(element.get("style", ""))) is not None
    )


def _revealed_ids(soup: "BeautifulSoup") -> set[str]:
    """Return the ids of elements that a button or link of the page shows or hides."""
    values = (str(element.get(name, "")) for element in soup.find_all() for name in _CONTROLS)
    return {target.removeprefix("#") for value in values for target in value.split()}


def _shown_by(element: "Tag") -> str:
    """Return what an element shows without a text of its own: a space for a line break, a picture's description."""
    attribute = _SHOWN_ATTRIBUTES.get(element.name)
    if attribute is not None:
        return f" {element.get(attribute, '')} "
    if element.name == "input" and element.get("type", "text") in _SHOWN_INPUTS:
        return f" {element.get('value', '')} "
    if element.name == "time" and not element.get_text(strip=True):  # of Confluence
        return f" {element.get('datetime', '')} "
    is_mark = element.name == "sup" and _footnote_mark.match(element.get_text()) is not None
    is_tag = "selected-value" in element.get_attribute_list("class")  # of Notion, whose tags are side by side
    return " " if element.name in {"br", *_MACROS} or is_mark or is_tag else ""


def _rows_with_headings(soup: "BeautifulSoup") -> set[int]:
    """Return the ids of rows that hold headings: tables that lay out a page, whose parts are read one by one."""
    rows: set[int] = set()
    for heading in soup.find_all(_HEADINGS):
        for parent in heading.parents:
            if id(parent) in rows:
                break
            if parent.name == "tr":
                rows.add(id(parent))
    return rows
