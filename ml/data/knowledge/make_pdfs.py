"""Make the PDF files of the sample knowledge base from their Markdown sources: `python ml/data/knowledge/make_pdfs.py`.

The same sources give the same bytes. Only headings and paragraphs are set; the corpus needs no more.
"""

from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).parent
SOURCES = HERE / "pdf_sources"
_CREATED = datetime(2026, 11, 24, tzinfo=UTC)
_SIZES = {"# ": 20, "## ": 15, "### ": 12}


def main(target: Path = HERE / "corpus") -> None:
    """Write one PDF into `target` for each Markdown file of `SOURCES`."""
    for source in sorted(SOURCES.glob("*.md")):
        (target / f"{source.stem}.pdf").write_bytes(pdf_of(source.read_text(encoding="utf-8")))


def pdf_of(markdown: str) -> bytes:
    """The text as a PDF; its first heading becomes the document's title."""
    from fpdf import FPDF

    blocks = [" ".join(block.split()) for block in markdown.split("\n\n") if block.strip()]
    pdf = FPDF()
    pdf.set_creation_date(_CREATED)
    pdf.set_title(blocks[0].lstrip("# "))
    pdf.set_margin(22)
    pdf.add_page()
    for block in blocks:
        prefix = next((each for each in _SIZES if block.startswith(each)), "")
        pdf.set_font("Helvetica", "B" if prefix else "", _SIZES.get(prefix, 11))
        # A heading never stands alone at the foot of a page.
        if prefix and pdf.will_page_break(40):
            pdf.add_page()
        pdf.multi_cell(0, 8 if prefix else 5.5, block.removeprefix(prefix), align="L", new_x="LMARGIN", new_y="NEXT")
        pdf.ln(2)
    return bytes(pdf.output())


if __name__ == "__main__":
    main()
