"""The figures of docs/research.md: which sources and risks researches of known topics have."""

import json
import re
from pathlib import Path

import pytest

from guard_cli.knowledge import knowledge_in_memory
from guard_cli.main import main
from serving.assistant.research.evaluation import (
    SAMPLE_TOPICS,
    ExpectedResearch,
    ResearchResult,
    load_topics,
    measure_research,
    research_all,
)
from tests.support.paths import ROOT
from tests.support.sample_knowledge import sample_rows
from tests.support.settings import settings_of

PAGE = (ROOT / "docs" / "research.md").read_text()


async def test_the_page_has_the_shares_of_the_sample_topics(tmp_path: Path) -> None:
    # Nothing may leave the machine: neither a model nor a search engine, nor a page of a topic's URL.
    settings = settings_of(
        home=tmp_path,
        llm_base_url="http://127.0.0.1:9/v1",
        llm_model="none",
        search_provider="searxng",
        search_url="http://127.0.0.1:9",
        fetch_hosts=["*"],
        knowledge_qdrant_url="http://127.0.0.1:9",
    )
    topics = load_topics(SAMPLE_TOPICS)
    async with knowledge_in_memory(settings, sample_rows()) as knowledge:
        results = await research_all(topics, settings, knowledge)
    assert f"{len(topics.topics)} topics" in PAGE
    shares = measure_research(results)
    assert min(shares.recall, shares.precision) >= 0.8
    for title, share in (
        ("expected sources that are quoted", shares.recall),
        ("quoted sources that are expected", shares.precision),
        ("topics that no source treats, without findings", shares.declined),
        ("topics with exactly the expected risks", shares.risks),
    ):
        documented = re.search(rf"^\| {title} \| ([\d.]+) \|", PAGE, re.MULTILINE)
        assert documented is not None, title
        assert share == pytest.approx(float(documented[1]), abs=0.0011), title


def test_shares_are_of_sources_and_topics() -> None:
    def result(expected: set[str], sources: set[str], risks: set[str], met: set[str]) -> ResearchResult:
        topic = ExpectedResearch.model_validate({"topic": "t", "sources": expected, "risks": risks})
        return ResearchResult(topic, frozenset(sources), frozenset(met))  # type: ignore[arg-type]

    results = [
        result({"a", "b"}, {"a", "c"}, set(), set()),
        result({"a"}, {"a"}, {"pii"}, set()),
        result(set(), set(), {"no_findings"}, {"no_findings"}),
        result(set(), {"a"}, {"no_findings"}, {"conflict"}),
    ]
    shares = measure_research(results)
    assert (shares.recall, shares.precision) == (2 / 3, 2 / 3)
    assert (shares.declined, shares.risks) == (0.5, 0.5)
    assert [one.is_right for one in results] == [False, False, True, False]


def test_the_command_evaluates_other_sources_with_other_topics(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / "tea.md").write_text("# Tea\n\n## Brewing\n\nGreen tea is brewed at eighty degrees.\n")
    topics = tmp_path / "topics.yaml"
    topics.write_text(
        "topics:\n"
        "  - {topic: brewing of green tea, sources: [tea.md]}\n"
        "  - {topic: repair of bicycles, sources: [tea.md]}\n"
    )
    monkeypatch.setenv("ML_GUARD_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ML_GUARD_KNOWLEDGE_URL", str(tmp_path / "documents"))
    assert main(["research", "evaluate", "--topics", str(topics), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "topics": 2,
        "shares": {"recall": 0.5, "precision": 1.0, "declined": None, "risks": 0.5},
        "wrong": [{"topic": "repair of bicycles", "sources": [], "risks": ["no_findings"]}],
    }
    assert main(["research", "evaluate", "--topics", str(topics)]) == 0
    shown = capsys.readouterr()
    assert "quoted, of the expected sources" in shown.out
    assert "not as expected: repair of bicycles: quotes nothing; risks: no_findings" in shown.err
