"""Files become blocks that know their section and page; what cannot be read says why and stops nobody."""

import io

import pytest
from fpdf import FPDF
from pypdf import PdfWriter

from ml.knowledge.blocks import Block
from ml.knowledge.documents import DocumentError, read_document
from ml.knowledge.reading import read_documents
from tests.support.paths import ROOT

CORPUS = ROOT / "ml" / "data" / "knowledge" / "corpus"


def pdf(*pages: list[tuple[int, str]]) -> bytes:
    """A PDF of pages of lines, each with the size of its letters."""
    made = FPDF()
    for lines in pages:
        made.add_page()
        for size, text in lines:
            made.set_font("helvetica", size=size)
            made.multi_cell(0, text=text, new_x="LMARGIN", new_y="NEXT")
    return bytes(made.output())


def test_markdown_keeps_headings_lists_tables_and_code() -> None:
    text = b"# Title\n\nIntro *with*\nemphasis.\n\n## A\n\n- one\n- two\n\n### B\n\n| x | y |\n|---|---|\n| 1 | 2 |\n\n## C\n\n```\na  b\n```\n"
    document = read_document("notes/a.md", text)
    assert document.title == "Title"
    assert list(document.blocks) == [
        Block("Intro with emphasis.", "", None),
        Block("one", "A", None),
        Block("two", "A", None),
        Block("x | y", "A > B", None),
        Block("1 | 2", "A > B", None),
        Block("a b", "C", None),
    ]


def test_html_is_read_without_scripts_and_styles_and_nothing_twice() -> None:
    text = b"""<html><head><title>T</title><style>p{}</style></head><body><nav><p>menu</p></nav><h1>Head</h1><h2>A</h2>
    <ul><li><p>one</p></li><li>two</li></ul><table><tr><th>x</th><td>1</td></tr></table><script>alert(1)</script></body></html>"""
    document = read_document("a.html", text)
    assert (document.title, [(block.section, block.text) for block in document.blocks]) == (
        "Head",
        [("", "T"), ("", "menu"), ("A", "one"), ("A", "two"), ("A", "x | 1")],
    )


def test_pdf_keeps_pages_headings_by_their_size_and_sentences_over_pages_whole() -> None:
    body = "This is a line of the body. " * 6
    data = pdf([(24, "Title"), (16, "First"), (11, body), (11, "This goes on")], [(11, "over there. And ends."), (16, "Second"), (11, body)])  # fmt: skip
    document = read_document("a.pdf", data)
    assert document.title == "Title"
    assert [(block.section, block.page) for block in document.blocks] == [("First", 1), ("First", 2), ("Second", 2)]
    assert document.blocks[0].text.endswith("This goes on over there.")
    assert document.blocks[1].text == "And ends."


@pytest.mark.parametrize("encoded", ["Größe".encode(), "Größe".encode("utf-16"), "Größe".encode("latin-1")])
def test_text_is_read_in_common_encodings(encoded: bytes) -> None:
    assert read_document("a.txt", encoded).blocks[0].text == "Größe"


def encrypted() -> bytes:
    writer = PdfWriter()
    writer.add_blank_page(100, 100)
    writer.encrypt("secret", algorithm="RC4-128")
    data = io.BytesIO()
    writer.write(data)
    return data.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.pdf", b"%PDF-1.4 broken", "unreadable: it cannot be read as pdf"),
        ("a.pdf", pdf([]), "empty: there is no text in it"),
        ("a.md", b"\n \n", "there is no text in it"),
        ("a.md", b"PK\x03\x04\x14\0", "unreadable: it is a file of Word, Excel or ZIP, against its suffix; export it"),
        ("a.txt", b"%PDF-1.4 text", "unreadable: it is a file of PDF, against its suffix"),
        ("a.htm", b"{\\rtf1 text}", "unreadable: it is a file of RTF, against its suffix"),
        ("a.html", b"\x1f\x8b\x08\0", "unreadable: it is a file of gzip, against its suffix"),
        ("a.html", b"bplist00\xd1", "unreadable: it is a file of Safari's web archives"),
        ("a.txt", b"\x89PNG\r\n", "unreadable: it is a file of PNG, against its suffix"),
        (
            "a.pdf",
            b"version https://git-lfs.github.com/spec/v1\noid",
            "unreadable: it is a file of Git LFS, which points to",
        ),
        ("a.pdf", b"<html>404</html>", "unreadable: it is no PDF, against its suffix; download or export it again"),
        ("a.pdf", encrypted(), "unreadable: .*only a password opens it; save a copy without one"),
        ("a.docx", b"x", "unknown format: only .* can be read"),
        ("a.txt", b"x" * (64 * 2**20 + 1), "too large: it has more than 64 MiB"),
    ],
)
def test_what_cannot_be_read_is_named_with_the_reason(name: str, data: bytes, reason: str) -> None:
    with pytest.raises(DocumentError, match=reason) as caught:
        read_document(name, data)
    assert str(caught.value).startswith(f"{name}: ")


def test_one_bad_file_does_not_stop_the_others() -> None:
    files = {"a.md": b"Good.", "b.pdf": b"bad", "c.png": b"", "e.txt": b"Good too."}

    def content(name: str) -> bytes:
        assert name != "c.png", "a file of an unknown format is never read"
        if name not in files:
            raise PermissionError(13, "Permission denied", name)
        return files[name]

    read = read_documents(["a.md", "b.pdf", "c.png", "d.md", "e.txt"], content)
    assert [document.source for document in read.documents] == ["a.md", "e.txt"]
    assert [file.source for file in read.skipped] == ["b.pdf", "c.png", "d.md"]
    assert [file.reason.partition(":")[0] for file in read.skipped] == ["unreadable", "unknown format", "unreadable"]
    assert "Permission denied" in read.skipped[2].reason


def test_a_guessed_encoding_is_reported_with_the_document() -> None:
    files = {"a.txt": "Größe".encode("cp1252"), "b.txt": "Größe".encode(), "c.html": "<p>Größe".encode("cp1252")}
    files["d.html"] = '<meta charset="iso-8859-1"><p>Größe'.encode("latin-1")
    read = read_documents(files, files.__getitem__)
    assert [document.blocks[0].text for document in read.documents] == ["Größe"] * 4
    assert [file.source for file in read.skipped] == ["a.txt", "c.html"]
    assert all(file.reason.startswith("guessed encoding: cp1252;") for file in read.skipped)


def test_every_file_of_the_sample_corpus_has_title_sections_and_where_it_can_pages() -> None:
    for path in sorted(CORPUS.iterdir()):
        document = read_document(path.name, path.read_bytes())
        assert document.title != path.stem
        assert len({block.section for block in document.blocks}) > 5
        pages = {block.page for block in document.blocks}
        assert (len(pages) > 3 and None not in pages) if path.suffix == ".pdf" else pages == {None}
