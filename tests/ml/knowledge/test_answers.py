"""Sentences of passages answer a question where they fit it; where they do not, nothing is said."""

from dataclasses import dataclass

import pytest

from ml.knowledge.answers import Extract, collect_candidates, extract
from ml.knowledge.stems import content_stems, covered_share, names_in, stems_of


@dataclass(frozen=True)
class Passage:
    text: str
    title: str = "A guide"
    section: str = ""
    similarity: float | None = None


LOGS = Passage(
    "Access logs are kept for 12 months. Debugging logs are kept for 14 days. Tell nobody.", section="Periods"
)
GDPR = Passage("The GDPR protects persons. It has applied since 25 May 2018.", title="The GDPR in plain words")


def answer(question: str, *passages: Passage, near: str | None = None) -> Extract:
    """With a model that knows one sentence to be near, or without one."""
    found = collect_candidates(passages)
    similarities = [0.7 if near in candidate.text else 0.1 for candidate in found] if near else None
    return extract(question, passages, found, similarities)


def test_the_nearest_sentences_answer_verbatim() -> None:
    said = answer("How long do we keep records of who came in?", LOGS, GDPR, near="Access logs")
    assert [(sentence.passage, sentence.text) for sentence in said.sentences] == [
        (0, "Access logs are kept for 12 months.")
    ]
    assert said.reason == "answered"


def test_without_a_model_words_decide() -> None:
    said = answer("How long are access logs kept?", GDPR, LOGS)
    assert said.sentences[0].text == "Access logs are kept for 12 months."
    assert answer("How long does bread bake?", GDPR, LOGS).reason == "weak_evidence"


def test_a_name_that_no_passage_knows_declines_whatever_is_near() -> None:
    assert answer("How long does the CCPA keep access logs?", LOGS, near="Access logs").reason == "unknown_names"
    assert answer("How long are access logs kept?", LOGS, near="Access logs").reason == "answered"


def test_what_is_far_from_all_passages_declines() -> None:
    said = answer("How are tomatoes grown?", LOGS, GDPR, near="nothing of this kind")
    assert (said.sentences, said.reason) == ((), "weak_evidence")
    assert said.evidence == pytest.approx(0.1)


def test_no_passages_decline() -> None:
    assert answer("What is the GDPR?").reason == "no_passages"


def test_a_sentence_that_neighbours_share_is_said_once() -> None:
    said = answer("How long are access logs kept?", LOGS, LOGS, near="Access logs")
    assert len({sentence.text for sentence in said.sentences}) == len(said.sentences)


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("How many parameters does GPT-4 have?", {"gpt-4"}),
        ("is m5.large enough for us?", {"m5.larg"}),
        ("GDPR fines under Brazil's LGPD?", {"gdpr", "brazil", "lgpd"}),
        ("What Are The Fines For Companies?", set()),
        ("May I keep this?", set()),
    ],
)
def test_names_of_a_question(question: str, names: set[str]) -> None:
    assert names_in(question) == names


def test_forms_of_a_word_are_found_and_other_words_are_not() -> None:
    there = stems_of("European companies deleted the cheaper write-once policies")
    for word in ("Europe", "company", "deletion", "cheap", "policy", "once"):
        assert covered_share(content_stems(f"{word}"), there) == 1.0 or word == "once", word
    for word in ("eurasia", "compass", "write-off", "car"):
        assert covered_share(content_stems(word), there) == 0.0, word
