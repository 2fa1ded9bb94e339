"""The figures of docs/knowledge.md: what the packaged model and the words find of the sample's questions."""

import json
import re
from pathlib import Path

import pytest

from guard_cli.knowledge import InMemory
from guard_cli.main import main
from guard_core.settings import Settings
from ml.knowledge.tables import embed_chunks
from serving.assistant.knowledge.evaluation import SAMPLE_QUESTIONS, Recall, load_questions, measure_recall
from serving.assistant.knowledge.service import KnowledgeService
from tests.support.paths import ROOT
from tests.support.sample_knowledge import sample_chunks, sample_rows
from tests.support.settings import with_values

PAGE = (ROOT / "docs" / "knowledge.md").read_text()
QUESTIONS = load_questions(SAMPLE_QUESTIONS)


async def measured(settings: Settings, *, with_model: bool) -> Recall:
    bare = with_values(settings, knowledge_embedding_model="none")
    rows = sample_rows() if with_model else embed_chunks(sample_chunks(), None, None).rows
    service = KnowledgeService(settings if with_model else bare, table=InMemory(rows))
    await service.start()
    try:
        return await measure_recall(QUESTIONS.answerable, service.search)
    finally:
        await service.stop()


@pytest.mark.parametrize(("with_model", "retrieval"), [(True, "hybrid"), (False, "lexical")])
async def test_the_page_tells_what_is_found(settings: Settings, with_model: bool, retrieval: str) -> None:
    found = await measured(settings, with_model=with_model)
    told = re.search(rf"^\| {retrieval} \| ([\d.]+) \| ([\d.]+) \|", PAGE, re.MULTILINE)
    assert told is not None
    assert (found.source, found.section) == pytest.approx([float(share) for share in told.groups()], abs=0.0051)
    if with_model:
        assert found.source >= 0.95


def test_the_sample_has_enough_questions_and_names_only_its_sources() -> None:
    assert len(QUESTIONS.answerable) >= 50
    assert {wanted.source for wanted in QUESTIONS.answerable} == set(sample_chunks()["source"].to_pylist())
    sections = set(zip(sample_chunks()["source"].to_pylist(), sample_chunks()["section"].to_pylist(), strict=True))
    for wanted in QUESTIONS.answerable:
        assert any(source == wanted.source and wanted.section in section for source, section in sections), wanted


def test_the_command_measures_other_sources_with_other_questions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("# A\n\n## Fruit\n\nApples are red.\n")
    questions = tmp_path / "questions.yaml"
    questions.write_text(
        "answerable:\n  - {question: Which is red, source: a.md, section: Fruit}\n"
        "  - {question: Are apples red, source: b.md}\n"
    )
    monkeypatch.setenv("ML_GUARD_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ML_GUARD_KNOWLEDGE_URL", str(tmp_path / "docs"))
    monkeypatch.setenv("ML_GUARD_KNOWLEDGE_EMBEDDING_MODEL", "none")
    assert main(["knowledge", "evaluate", "--questions", str(questions)]) == 0
    shown = capsys.readouterr()
    assert "recall@5 of the source   0.500" in shown.out
    assert "not found: Are apples red (b.md, )" in shown.err
    assert main(["knowledge", "evaluate", "--questions", str(questions), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["questions"], result["recall"]["source"]) == (2, 0.5)
    assert result["not_found"] == [{"question": "Are apples red", "source": "b.md", "section": ""}]
    assert result["extraction"]["all"]["declined"] is None, "no question was unanswerable"


def test_a_file_of_questions_that_is_wrong_is_one_line_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["knowledge", "evaluate", "--questions", str(tmp_path / "none.yaml")]) == 2
    assert "none.yaml" in capsys.readouterr().err
