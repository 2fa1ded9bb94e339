"""The figures of docs/query.md: what is answered and declined without a model of language."""

import re
from pathlib import Path

import pytest

from guard_cli.knowledge import InMemory
from serving.assistant.knowledge.evaluation import SAMPLE_QUESTIONS, Answerable, load_questions
from serving.assistant.knowledge.service import KnowledgeService
from serving.assistant.query.evaluation import QuestionResult, ask_all, measure_shares, split_in_halves
from tests.support.paths import ROOT
from tests.support.sample_knowledge import sample_rows
from tests.support.settings import settings_of

PAGE = (ROOT / "docs" / "query.md").read_text()


async def test_the_page_tells_what_is_answered_and_declined(tmp_path: Path) -> None:
    service = KnowledgeService(settings_of(home=tmp_path), table=InMemory(sample_rows()))
    await service.start()
    try:
        asked = await ask_all(load_questions(SAMPLE_QUESTIONS), service)
    finally:
        await service.stop()
    held_out, chosen_on = split_in_halves(asked)
    everything = measure_shares(asked)
    assert everything.declined >= 0.9
    assert everything.answered >= 0.9
    columns = [measure_shares(part) for part in (held_out, chosen_on)] + [everything]
    for start, name in (
        ("answered, of 79", "answered"),
        ("of them from the right source", "source"),
        ("of them with the right section", "section"),
        ("declined, of 35", "declined"),
    ):
        told = re.search(rf"^\| {start}[^|]* \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|", PAGE, re.MULTILINE)
        assert told is not None, start
        found = [getattr(column, name) for column in columns]
        assert found == pytest.approx([float(share) for share in told.groups()], abs=0.0011), start


def test_shares_are_of_what_was_asked() -> None:
    apple, pear = Answerable(question="a", source="a.md", section="Fruit"), Answerable(question="p", source="p.md")
    asked = [
        QuestionResult("a", apple, "a.md", (("a.md", "Other"),)),
        QuestionResult("p", pear, None, ()),
        QuestionResult("x", None, None, ()),
        QuestionResult("y", None, "a.md", (("a.md", "Fruit"),)),
    ]
    shares = measure_shares(asked)
    assert (shares.answered, shares.source, shares.section, shares.declined) == (0.5, 1.0, 0.0, 0.5)
    assert split_in_halves(asked) == ([asked[0], asked[2]], [asked[1], asked[3]])
