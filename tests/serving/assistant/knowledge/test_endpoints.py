"""What the knowledge base holds, by API."""

import httpx
from fpdf import FPDF
from PIL import Image

from guard_core.settings import Settings
from guard_store.knowledge.store import KnowledgeStore
from ml.knowledge.reading import read_documents
from ml.knowledge.tables import chunk_table, document_table
from tests.support.clients import Clients
from tests.support.sample_knowledge import sample_rows, store_sample

URL = "/api/v1/knowledge"


async def test_nothing_built_is_empty(analyst: httpx.AsyncClient) -> None:
    answer = (await analyst.get(URL)).json()
    assert answer == {
        "retrieval": "empty",
        "why": "it has not been built yet",
        "problem": None,
        "version": None,
        "model": None,
        "chunks": 0,
        "sources": [],
        "skipped": [],
    }


async def test_sources_are_counted_and_files_that_cannot_be_read_are_named(
    analyst: httpx.AsyncClient, settings: Settings, clients: Clients
) -> None:
    store_sample(settings)
    broken = document_table(read_documents(["broken.pdf"], lambda _: b"%PDF-"))
    KnowledgeStore(settings.storage.lake).replace("documents", broken)
    await clients.services.knowledge.search("at once, without waiting for the next look", 1)
    answer = (await analyst.get(URL)).json()
    assert (answer["retrieval"], answer["version"], answer["chunks"]) == ("hybrid", 0, len(sample_rows()))
    assert [source["source"] for source in answer["sources"]] == [
        "audit_log_retention.html",
        "aws_costs.md",
        "eu_ai_act.pdf",
        "gdpr.pdf",
    ]
    assert answer["sources"][1]["title"] == "AWS cost basics"
    assert sum(source["chunks"] for source in answer["sources"]) == answer["chunks"]
    assert [file["source"] for file in answer["skipped"]] == ["broken.pdf"]
    assert "pdf" in answer["skipped"][0]["reason"]


async def test_what_was_skipped_is_listed_with_the_kind_of_its_reason(
    analyst: httpx.AsyncClient, settings: Settings
) -> None:
    pages = FPDF()
    pages.add_page()
    pages.set_font("helvetica")
    pages.cell(text="Text.")
    pages.add_page()
    pages.image(Image.new("L", (1, 1)))
    files = {
        "broken.pdf": b"%PDF",
        "empty.md": b"",
        "letter.docx": b"PK",
        "large.txt": b"x" * (64 * 2**20 + 1),
        "scan.pdf": bytes(pages.output()),
        "whole.md": b"Text.",
    }
    table = document_table(read_documents(files, lambda name: files[name]))
    KnowledgeStore(settings.storage.lake).replace("documents", table)
    skipped = {file["source"]: file["reason"] for file in (await analyst.get(URL)).json()["skipped"]}
    assert {source: reason.partition(":")[0] for source, reason in skipped.items()} == {
        "broken.pdf": "unreadable",
        "empty.md": "empty",
        "letter.docx": "unknown format",
        "large.txt": "too large",
        "scan.pdf": "partly",
    }
    assert skipped["scan.pdf"] == "partly: images without text on page 2"
    assert chunk_table(table)["source"].to_pylist() == ["scan.pdf", "whole.md"]
