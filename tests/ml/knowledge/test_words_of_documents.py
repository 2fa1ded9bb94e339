"""Every word of a document is indexed, whatever element or line it is in; the words come from how the documents are made."""

import base64
import html
import re
import unicodedata
from collections import Counter
from io import BytesIO
from pathlib import Path

import pytest
from fpdf import FPDF
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfWriter
from pypdf.annotations import FreeText
from pypdf.generic import ArrayObject, DictionaryObject, NameObject, NumberObject, TextStringObject

from ml.knowledge.chunks import split_document
from ml.knowledge.documents import read_document
from ml.knowledge.normalization import normalize_text
from ml.knowledge.tables import text_to_embed

FILES = Path(__file__).parent / "files"
HIDDEN = re.compile(r"<!--.*?-->|<style.*?</style>", re.DOTALL)
MARKUP = {"1", "2", "sh"}  # numbers of a list, the language of code
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)

# Words that are no others' parts, so that their order does not matter.
WORD = st.integers(min_value=0, max_value=9999).map("w{:04}x".format)
WORDS = st.lists(WORD, min_size=1, max_size=4)
INLINE = ("b", "em", "span", "a", "code", "font", "mark")
BLOCKS = (
    "p",
    "div",
    "section",
    "blockquote",
    "dd",
    "footer",
    "nav",
    "aside",
    "figcaption",
    "summary",
    "pre",
    "ac:body",
    "x-y",
)


def words_of(text: str) -> Counter[str]:
    return Counter(re.findall(r"\w+", unicodedata.normalize("NFKC", text)))


def words_indexed(name: str, data: bytes) -> Counter[str]:
    """Return the words of title, headings and text, as the search has them."""
    document = read_document(name, data)
    words: Counter[str] = Counter()
    for chunk in split_document(document):
        row = {"title": document.title, "section": chunk.section, "text": chunk.text}
        words |= words_of(text_to_embed(row))
    return words


@st.composite
def html_documents(draw: st.DrawFn) -> tuple[str, list[str]]:
    """Draw nested HTML with the words that it shows."""
    words: list[str] = []

    def text() -> str:
        drawn = draw(WORDS)
        words.extend(drawn)
        inline = draw(st.sampled_from(INLINE))
        return f"{drawn[0]} <{inline}>{' '.join(drawn[1:])}</{inline}>"

    def cell(depth: int) -> str:
        return f"<td>{node(depth + 1)}</td>"

    def node(depth: int) -> str:
        return f" {content(depth)} "

    def content(depth: int) -> str:
        kind = draw(st.sampled_from(("text", "block", "list", "table", "heading", "hidden"))) if depth < 4 else "text"
        if kind == "block":
            name = draw(st.sampled_from(BLOCKS))
            return f"{text()}<{name}>{node(depth + 1)}</{name}>{text()}"
        if kind == "list":
            return f"<ul><li>{text()}{node(depth + 1)}{text()}</li><li>{node(depth + 1)}</ul>"
        if kind == "table":
            return f"<table><tr>{cell(depth)}{cell(depth)}</tr><tr>{cell(depth)}</tr></table>{text()}"
        if kind == "heading":
            level = draw(st.integers(1, 6))
            return f"<h{level}>{text()}</h{level}>"
        if kind == "hidden":
            return "<script>hidden</script><!-- hidden --><style>hidden</style> "
        return f" <span>{text()}</span> "

    return "".join(node(0) + "<hr>" for _ in range(draw(st.integers(1, 4)))), words


@given(html_documents())
def test_every_word_of_html_is_indexed(drawn: tuple[str, list[str]]) -> None:
    markup, words = drawn
    if words:
        assert set(words_indexed("a.html", markup.encode())) - {"a"} == set(words)


@given(st.lists(st.tuples(st.sampled_from(["# {}", "### {}", "- {}\n  - {}", "> {}", "{}[^1]\n\n[^1]: {}", "```\n{}\n```", "| {} |\n|---|\n| {} |", "<div>{}</div>", "<details><summary>{}</summary>\n\n{}\n</details>", "- [x] {}", "~~{}~~ <kbd>{}</kbd>", "Type<{}>", "{}\n==="]), WORD, WORD), min_size=1, max_size=8))  # fmt: skip
def test_every_word_of_markdown_is_indexed(parts: list[tuple[str, str, str]]) -> None:
    text = "\n\n".join(pattern.format(*words) for pattern, *words in parts)
    expected = words_of(" ".join(pattern.format(*words) for pattern, *words in parts))
    markup = {"div", "details", "summary", "kbd", "1", "x"}
    assert set(expected) - markup <= set(words_indexed("a.md", text.encode())) | markup


@given(
    st.lists(WORDS, min_size=1, max_size=8), st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
)
def test_every_word_of_text_is_indexed(paragraphs: list[list[str]], encoding: str) -> None:
    text = "\n\n".join(" ".join([*paragraph, "Größe"]) for paragraph in paragraphs)
    assert set(words_indexed("a.txt", text.encode(encoding))) == set(words_of(text)) | {"a"}


@given(st.lists(st.tuples(st.sampled_from([11, 11, 16, 24]), WORDS), min_size=1, max_size=12), st.integers(1, 5))
def test_every_word_of_pdf_is_indexed(lines: list[tuple[int, list[str]]], lines_a_page: int) -> None:
    file = FPDF()
    for number, (size, words) in enumerate(lines):
        if number % lines_a_page == 0:
            file.add_page()
        file.set_font("helvetica", size=size)
        file.multi_cell(0, text=" ".join(words), new_x="LMARGIN", new_y="NEXT")
    indexed = words_indexed("a.pdf", bytes(file.output()))
    assert {word for _, words in lines for word in words} == set(indexed) - {"a"}


@pytest.mark.parametrize("name", sorted(path.name for path in FILES.iterdir()))
def test_every_word_of_a_file_is_indexed(name: str) -> None:
    data = (FILES / name).read_bytes()
    shown = re.sub(
        r"</?(?:b|span|a)\b[^>]*>|<sup>(?=[a-z])|(?<=[a-z])</sup>|<!\[CDATA\[|\]\]>",
        "",
        re.sub(HIDDEN, " ", data.decode()),
    )
    words = words_of(html.unescape(re.sub(r"</?(?!String|your-team|Key)[^>]*>", " ", shown)))
    assert set(words) - MARKUP <= set(words_indexed(name, data))


def lines_of(name: str) -> list[str]:
    return [block.text for block in read_document(name, (FILES / name).read_bytes()).blocks]


def test_rows_of_tables_stay_together() -> None:
    assert lines_of("table-p.html") == ["Zone | Fee", "Harbour | 18 euros", "Airport | 27 euros"]
    assert lines_of("html-in-md.md")[1:4] == ["Class | Range", "Van | 310 kilometres", "Truck | 520 kilometres"]
    assert {"Zone | Daily rate", "Nordic | 75 euros incl. breakfast"} <= set(lines_of("word.htm"))
    assert lines_of("excel.htm") == ["Depot stock", "Part | Depot | Count", "Brake pad | | 1,200", "Wiper blade | 35"]
    assert {"Day | Place", "Monday | Room 12 second floor"} <= set(lines_of("google-docs.html"))
    assert {"Stage | Share", "Canary | 5 %", "Fleet | 100 %"} <= set(lines_of("github.md"))


def test_a_table_within_a_row_keeps_its_rows_and_the_row_its_other_cells() -> None:
    lines = lines_of("confluence.html")
    start = lines.index("System | Plans | Owner") + 1
    assert lines[start : start + 4] == [
        "Billing | See: and tapes | Priya Tom",
        "Hourly | kept 2 days",
        "Daily | kept 90 days",
        "Wiki | | Ana",
    ]


def test_tables_that_lay_out_a_page_keep_its_headings_as_sections() -> None:
    markup = b"<table><tr><td>menu</td><td><h1>T</h1><h2>A</h2><p>one</p><h2>B</h2><p>two</p></td></tr></table>"
    blocks = read_document("a.html", markup).blocks
    assert [(block.section, block.text) for block in blocks] == [("", "menu"), ("A", "one"), ("B", "two")]


def test_documents_of_word_show_what_readers_see() -> None:
    lines = lines_of("word.htm")
    assert "· Flights to London, economy only." in lines
    assert "Hotels cost at most 140 euros 1 a night, from the 1st of May." in lines
    assert "Trains are preferred." in lines
    assert not {"Normal", "WordDocument", "margin"} & set(words_of(" ".join(lines)))


def test_macros_of_confluence_are_read_with_their_code_and_links() -> None:
    lines = lines_of("confluence.html")
    assert {"restore --target db1 > report.txt", "Loose words of the macro", "Restore checklist"} <= set(lines)


def test_documents_of_google_join_words_that_are_styled_in_parts() -> None:
    assert "Collect your laptop at the front desk. [1]" in lines_of("google-docs.html")
    assert "First week > Open questions" in {
        block.section for block in read_document("google-docs.html", (FILES / "google-docs.html").read_bytes()).blocks
    }


def test_front_matter_gives_the_title_and_is_found_by_its_words() -> None:
    document = read_document("github.md", (FILES / "github.md").read_bytes())
    assert document.title == "Deploy guide"
    assert document.blocks[0].text == "title: Deploy guide owner: Platform team tags: [rollout, canary]"
    assert {block.section for block in document.blocks[1:]} == {
        "Rolling out",
        "Rolling out > Setext part",
        "Rolling out > Setext part > Nothing below",
    }


def test_front_matter_may_be_toml() -> None:
    document = read_document("a.md", b'+++\ntitle = "Leave"\n+++\n25 days.\n')
    assert (document.title, [block.text for block in document.blocks]) == ("Leave", ['title = "Leave"', "25 days."])


def test_markdown_hides_comments_and_keeps_names_in_angle_brackets() -> None:
    lines = lines_of("github.md")
    assert "reviewers" not in " ".join(lines)
    assert "Tell the <your-team> channel and Map<Key>." in lines
    assert "[^late]: Nightwatch" in lines


@pytest.mark.parametrize(
    "text",
    [
        "---\nno metadata\n---\nText.",
        "---\na: [\n---\nText.",
        "---\nday: 2024-13-45\n---\nText.",
        "+++\na = [\n+++\nText.",
    ],
)
def test_what_looks_like_front_matter_and_is_not_is_text(text: str) -> None:
    assert set(words_of(text)) <= set(words_indexed("b.md", text.encode()))


def test_a_heading_without_text_is_indexed() -> None:
    text = b"# Title\n\n## Alpha\n\n## Beta\n\n### Gamma\n\nText.\n\n## Delta\n"
    blocks = read_document("a.md", text).blocks
    assert [(b.section, b.text) for b in blocks] == [("Alpha", "Alpha"), ("Beta > Gamma", "Text."), ("Delta", "Delta")]
    assert [b.text for b in read_document("a.md", b"# Only").blocks] == ["Only"]


def test_words_divided_at_the_end_of_lines_and_pages_of_a_pdf_are_whole() -> None:
    file = FPDF()
    lines = ["A well-known rule. The admin-", "istrator reads the well-", "known rule, pre-", "and post-war, state-of-the-", "art, Non-", "European, of 10-", "20 kilo-"]  # fmt: skip
    for page in (lines, ["metres in all."]):
        file.add_page()
        file.set_font("helvetica", size=11)
        for line in page:
            file.cell(text=line, new_x="LMARGIN", new_y="NEXT")
    (block,) = read_document("a.pdf", bytes(file.output())).blocks
    assert block.text == "A well-known rule. The administrator reads the well-known rule, pre- and post-war, state-of-the-art, Non-European, of 10-20 kilometres in all."  # fmt: skip


def pdf_of(*pages: list[str]) -> bytes:
    file = FPDF()
    for lines in pages:
        file.add_page()
        file.set_font("helvetica", size=11)
        for line in lines:
            file.cell(text=line, new_x="LMARGIN", new_y="NEXT")
    return bytes(file.output())


@pytest.mark.parametrize("name", ["a.pdf", "a.txt"])
def test_compounds_divided_at_the_end_of_a_line_keep_their_hyphen(name: str) -> None:
    lines = ["It is self-", "contained, has twenty-", "five user-", "friendly pages for each user, in friendly e-", "mail, selfish-", "ness and self-", "ishness, a con-", "sumer, an X-", "ray and https://a.example/long-", "path."]  # fmt: skip
    data = pdf_of(lines) if name == "a.pdf" else "\n".join(lines).encode()
    (block,) = read_document(name, data).blocks
    assert block.text == "It is self-contained, has twenty-five user-friendly pages for each user, in friendly e-mail, selfishness and self-ishness, a consumer, an X-ray and https://a.example/long-path."  # fmt: skip


def test_headers_and_footers_of_pages_do_not_interrupt_a_sentence() -> None:
    pages = [
        ["ACME Confidential", f"which part {word} of the text", f"Page {n} of 3"]
        for n, word in enumerate(("one", "two", "three"), 1)
    ]
    texts = [block.text for block in read_document("a.pdf", pdf_of(*pages)).blocks]
    assert texts[:2] == ["ACME Confidential", "Page 1 of 3"]
    assert texts[2:] == ["which part one of the text which part two of the text which part three of the text"]


def test_lines_at_the_edge_of_pages_that_differ_in_more_than_the_page_are_kept() -> None:
    pages = [["Invoice", f"Total {7 * n} euros"] for n in range(1, 5)]
    texts = [block.text for block in read_document("a.pdf", pdf_of(*pages)).blocks]
    assert set(words_of(" ".join(texts))) == {"Invoice", "Total", "euros", "7", "14", "21", "28"}


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("Name\tAge\tCity\nTom\t\tRome", ["Name | Age | City", "Tom | | Rome"]),
        (
            "This  text is  set with  margins\nas old  programs  did  with",
            ["This text is set with margins as old programs did with"],
        ),
        ("It ends.  Two spaces\nAnd so.  More text", ["It ends. Two spaces And so. More text"]),
    ],
)
def test_columns_of_text_are_rows_and_justified_prose_is_none(text: str, blocks: list[str]) -> None:
    assert [block.text for block in read_document("a.txt", text.encode()).blocks] == blocks


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        (
            " zone  | fee \n-------+-----\n North |  18\n       |  27\n(2 rows)\n",
            ["zone | fee", "North | 18", "| 27", "(2 rows)"],
        ),
        (
            "Fees of\nMay\n+-------+-----+\n| zone  | fee |\n+-------+-----+\n|       |  18 |\n+-------+-----+\n",
            ["Fees of May", "zone | fee", "| 18"],
        ),
        ("| zone | fee |\n|:---|---:|\n| North | 18 |\n", ["zone | fee", "North | 18"]),
        ("┌────┬────┐\n│ zo │ fe │\n├────┼────┤\n│ No │ 18 │\n└────┴────┘\n", ["zo | fe", "No | 18"]),
        ("Either a | b\nor c.", ["Either a | b or c."]),
    ],
)
def test_tables_that_are_drawn_with_signs_are_rows(text: str, rows: list[str]) -> None:
    assert [block.text for block in read_document("a.txt", text.encode()).blocks] == rows


ITEMS = ["The rules:", "- first, which goes", "on", "- second", "1. third", "2) fourth"]


@pytest.mark.parametrize(("name", "data"), [("a.pdf", pdf_of(ITEMS)), ("a.txt", "\n".join(ITEMS).encode())])
def test_items_of_a_list_are_blocks(name: str, data: bytes) -> None:
    expected = ["The rules:", "- first, which goes on", "- second", "1. third", "2) fourth"]
    assert [block.text for block in read_document(name, data).blocks] == expected


def test_a_dash_or_number_in_the_middle_of_a_sentence_begins_no_item() -> None:
    (block,) = read_document("a.txt", b"Fees of section\n4. rise\n- as agreed - soon.").blocks
    assert block.text == "Fees of section 4. rise - as agreed - soon."


def test_text_files_have_headings_tables_and_quotations_whatever_their_line_ends() -> None:
    text = "TRAVEL\n======\n\nZone      Fee\nHarbour   18\n\nMeals\n-----\n> Each con-\n> sumer pays.\n>\n> Always.\n"
    for line_end in ("\n", "\r\n", "\r"):
        document = read_document("a.txt", text.replace("\n", line_end).encode())
        assert document.title == "TRAVEL"
        assert [(block.section, block.text) for block in document.blocks] == [
            ("", "Zone | Fee"),
            ("", "Harbour | 18"),
            ("Meals", "Each consumer pays."),
            ("Meals", "Always."),
        ]


@pytest.mark.parametrize("title", ["class=MsoTitle", 'class="c2 title"'])
def test_the_title_of_a_word_processor_is_the_title(title: str) -> None:
    document = read_document("a.html", f"<title>x</title><p {title}>Leave policy</p><h1>Annual</h1><p>25 days".encode())
    assert document.title == "Leave policy"
    assert [(block.section, block.text) for block in document.blocks] == [("", "x"), ("Annual", "25 days")]


def test_a_formula_is_one_text() -> None:
    markup = b"<p>So <math><mrow><msup><mi>a</mi><mn>2</mn></msup><mo>=</mo><mi>b</mi></mrow></math>.</p>"
    assert [block.text for block in read_document("a.html", markup).blocks] == ["So a2=b."]


def texts_of(markup: str) -> list[str]:
    return [block.text for block in read_document("a.html", markup.encode()).blocks]


@pytest.mark.parametrize("hidden", ["hidden", 'style="display: none"', 'style="color:red;VISIBILITY:hidden"', 'style="mso-hide:all"'])  # fmt: skip
def test_hidden_text_is_left_out_unless_the_page_can_show_it(hidden: str) -> None:
    assert texts_of(f"<p>shown<div {hidden}><p>never</div><span {hidden}>nor this</span>") == ["shown"]
    assert texts_of(f'<button aria-controls="a b">Win</button><div id="b" {hidden}>panel</div>') == ["Win", "panel"]
    assert texts_of(f'<a href="#more">More</a><div id="more" {hidden}>rest</div>') == ["More", "rest"]


def test_panels_and_text_for_the_search_of_the_page_are_shown() -> None:
    assert texts_of('<div role="tabpanel" hidden>panel</div><p hidden="until-found">found') == ["panel", "found"]
    assert texts_of('<p style="background:url(x); display:none-such">shown') == ["shown"]


@pytest.mark.parametrize("name", ["expand-content", "accordion-body", "tab-pane fade", "collapse"])
def test_what_scripts_of_a_page_open_is_shown(name: str) -> None:
    assert texts_of(f'<p>More<div class="{name}" style="display:none">rest</div>') == ["More", "rest"]


def test_marks_of_links_to_a_heading_are_no_part_of_it() -> None:
    markup = '<h1>Fees<a class="headerlink" href="#fees">¶</a></h1><h2>C#<a href="#c">#</a></h2><p>text'
    document = read_document("a.html", markup.encode())
    assert (document.title, [block.section for block in document.blocks]) == ("Fees", ["C#"])


def test_tags_of_notion_and_labels_of_tabs_are_words() -> None:
    tags = '<span class="selected-value">red</span><span class="selected-value">green</span>'
    assert texts_of(f"<table><tr><td>Trip</td><td>{tags}</td></tr></table>") == ["Trip | red green"]
    assert texts_of('<TabItem value="w" label="Windows"><p>Run it</TabItem>') == ["Windows", "Run it"]


def test_deleted_and_inserted_words_stay_apart() -> None:
    tracked = "<span class=msoDel><del>18</del></span><span class=msoIns><ins>20</ins></span>"
    assert texts_of(f"<p>The fee is {tracked} euros, col<ins>ou</ins>r") == ["The fee is 18 20 euros, colour"]


def test_the_title_of_a_picture_is_text_and_not_the_title_of_the_page() -> None:
    document = read_document("a.html", b"<svg><title>Fees</title></svg><title>Page</title><p>text")
    assert (document.title, [block.text for block in document.blocks]) == ("Page", ["Fees", "text"])


def test_a_formula_of_katex_is_read_once() -> None:
    math = "<math><semantics><mi>a</mi><annotation>\\alpha</annotation></semantics></math>"
    assert texts_of(
        f'<p>So <span class="katex"><span>{math}</span><span class="katex-html" aria-hidden="true">a</span></span>.'
    ) == ["So a."]


def test_comments_links_and_files_of_confluence_do_not_divide_a_sentence() -> None:
    comment = '<ac:inline-comment-marker ac:ref="1">fe</ac:inline-comment-marker>e'
    link = "<ac:link><ri:attachment ri:filename='p.pdf'/><ac:link-body>the plan</ac:link-body></ac:link>"
    assert texts_of(f"<p>The {comment} is in {link}.") == ["The fee is in p.pdf the plan."]


def test_macros_within_a_sentence_of_confluence_do_not_divide_it() -> None:
    status = (
        '<ac:structured-macro ac:name="status"><ac:parameter ac:name="title">DONE</ac:parameter></ac:structured-macro>'
    )
    assert texts_of(f"<p>The move is {status} since <time datetime='2024-05-01'/> at last.") == [
        "The move is DONE since 2024-05-01 at last."
    ]
    task = "<ac:task><ac:task-id>1</ac:task-id><ac:task-uuid>ab12</ac:task-uuid><ac:task-body>Call</ac:task-body></ac:task>"
    assert texts_of(task) == ["Call"]
    assert texts_of('<ac:image ac:alt="Map of depots"><ri:attachment ri:filename="m.png"/></ac:image>') == [
        "Map of depots m.png"
    ]


def test_links_to_edit_a_page_of_a_wiki_are_no_part_of_its_headings() -> None:
    markup = b'<h2><span>Fees</span><span class="mw-editsection">[<a>edit</a>]</span></h2><p>text'
    assert read_document("a.html", markup).blocks[0].section == "Fees"


def test_marks_of_direction_and_stray_zero_bytes_are_no_part_of_words() -> None:
    assert texts_of("<p>\u202bשלום\u202c \u200fעולם, \u2066SKU\u206917") == ["שלום עולם, SKU17"]  # noqa: RUF001
    document = read_document("a.txt", b"A line of a log, as a program wrote it,\0 and another one.")
    assert [block.text for block in document.blocks] == ["A line of a log, as a program wrote it, and another one."]
    assert document.guessed_encoding is None


@pytest.mark.parametrize(
    ("info", "blocks"),
    [
        ('python title="app.py"', ['title="app.py"', "x"]),
        ("{note} Mind the gap", ["Mind the gap", "x"]),
        ("sh", ["x"]),
    ],
)
def test_a_title_of_code_is_text(info: str, blocks: list[str]) -> None:
    document = read_document("a.md", f"```{info}\nx\n```\n".encode())
    assert [block.text for block in document.blocks] == blocks


def test_comments_and_filled_fields_of_a_pdf_are_text() -> None:
    writer = PdfWriter(BytesIO(pdf_of(["Name:"])))
    writer.add_annotation(0, FreeText(text="Typed beside", rect=(50, 550, 200, 650)))
    field = {"/FT": NameObject("/Tx"), "/T": TextStringObject("name"), "/V": TextStringObject("Priya")}
    box = {"/FT": NameObject("/Btn"), "/V": NameObject("/Yes")}
    for entries in (field, box):
        widget = {"/Type": NameObject("/Annot"), "/Subtype": NameObject("/Widget"), **entries}
        rectangle = {"/Rect": ArrayObject([NumberObject(10), NumberObject(10), NumberObject(90), NumberObject(30)])}
        writer.add_annotation(0, DictionaryObject({NameObject(k): v for k, v in {**widget, **rectangle}.items()}))
    data = BytesIO()
    writer.write(data)
    blocks = read_document("a.pdf", data.getvalue()).blocks
    assert [(block.text, block.page) for block in blocks] == [("Name:", 1), ("Typed beside", 1), ("Priya", 1)]


def test_pages_that_are_images_are_named() -> None:
    file = FPDF()
    file.add_page()
    file.set_font("helvetica", size=11)
    file.cell(text="Text.")
    file.add_page()
    file.image(BytesIO(PIXEL))
    file.add_page()
    assert read_document("a.pdf", bytes(file.output())).unread == "images without text on page 2"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("The fee is 18 € — “quoted” text, don’t pay.", "cp1252"),  # noqa: RUF001
        ("Café résumé naïve", "latin-1"),
        ("“Hi”", "cp1252"),
        ("Größe", "utf-16-be"),
        ("Отчёт о расходах за год: пример текста", "cp1251"),  # noqa: RUF001
        ("これは日本語の文書です。料金は十八ユーロ。", "shift_jis"),
    ],
)
def test_text_without_a_declared_encoding_is_recognised(text: str, encoding: str) -> None:
    document = read_document("a.txt", text.encode(encoding))
    assert [block.text for block in document.blocks] == [normalize_text(text)]
    assert document.guessed_encoding is not None


def test_html_is_read_in_its_declared_encoding_unless_it_was_converted_to_utf_8() -> None:
    markup = '<meta charset="iso-8859-2"><p>Zażółć gęślą jaźń</p>'
    for encoding in ("iso-8859-2", "utf-8"):
        assert read_document("a.html", markup.encode(encoding)).blocks[0].text == "Zażółć gęślą jaźń"


@pytest.mark.parametrize(
    ("markup", "texts"),
    [
        (
            '<my-card><template shadowrootmode="open"><p>Shadow words</p></template><span>Light words</span></my-card>',
            ["Shadow words", "Light words"],
        ),
        ("<template><p>of a script</p></template><p>Shown</p>", ["Shown"]),
        ('<p>Outer</p><iframe srcdoc="&lt;p&gt;Inner &amp;amp; words&lt;/p&gt;"></iframe>', ["Outer", "Inner & words"]),
        (
            '<p>Name: <input value="Jane Doe"> <input type="hidden" value="token"><input type="submit" value="Send"></p>',
            ["Name: Jane Doe Send"],
        ),
    ],
)
def test_a_saved_page_keeps_its_components_frames_and_fields(markup: str, texts: list[str]) -> None:
    assert texts_of(markup) == texts
