"""A sentence of a model is said only where a passage bears it; a quote only where it stands letter by letter."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.knowledge.claims import ClaimReader, check_claim, split_claims
from ml.knowledge.quotes import find_quote, normalize_whitespace

LOGS = "Keep access logs for at least six months. Article 12 names 24 months for contested decisions."
GDPR = "The regulation has applied since 25 May 2018. It protects natural persons."
PASSAGES = [LOGS, GDPR]


@pytest.mark.parametrize(
    ("sentence", "fault"),
    [
        ('It applies "since 25 May 2018" [2].', None),
        ("The regulation protects natural persons [2].", None),
        ("Logs: “for at\n  least six months,” as it says [1].", None),
        ("It protects natural persons.", "uncited_claim"),
        ("It protects natural persons [3].", "unknown_passage"),
        ("It protects natural persons [0].", "unknown_passage"),
        ('It applies "since 25 May 2019" [2].', "invented_quote"),
        ('It applies "since 25 May 2018" [1].', "invented_quote"),
        ('It applies "since 25 May 2018" and "to all robots" [2].', "invented_quote"),
        ('It applies "since 25 May 2018 [2].', "invented_quote"),
        ('It says "erson" [2].', "invented_quote"),
        ("The regulation protects 17 natural persons [2].", "unsupported_claim"),
        ("Robots need fresh oil every morning [2].", "unsupported_claim"),
        ('Robots need "natural" oil [2].', "unsupported_claim"),
    ],
)
def test_a_claim_is_held_against_what_it_cites(sentence: str, fault: str | None) -> None:
    claim = check_claim(sentence, PASSAGES)
    assert claim.fault == fault
    for quote in claim.quotes:
        assert quote.text in PASSAGES[quote.passage]


def test_a_marker_of_a_passage_that_does_not_bear_the_claim_is_taken_out() -> None:
    claim = check_claim('Logs stay "for at least six months" [1][2] always [1, 2].', PASSAGES)
    assert claim.text == 'Logs stay "for at least six months" [1] always [1].'
    assert [quote.passage for quote in claim.quotes] == [0]


def test_a_number_of_the_question_may_be_repeated() -> None:
    assert check_claim("With 17 people it protects natural persons [2].", PASSAGES).fault == "unsupported_claim"
    assert check_claim("With 17 persons it protects natural persons [2].", PASSAGES, "We are 17?").fault is None


def test_the_sentence_that_declines_is_known() -> None:
    assert check_claim("**The sources do not answer this.**", PASSAGES).declines
    assert not check_claim("The sources do not answer this [1], but I know it.", PASSAGES).declines


ANSWER = 'First, e.g. this. [1] He says "Two. Three." [2]\n- a point [1]\n\n- another one. [1] [2] Last one [1].'


@given(st.lists(st.integers(0, len(ANSWER)), max_size=40))
def test_a_stream_gives_the_same_sentences_however_it_is_cut(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(ANSWER)]
    claims = ClaimReader()
    found = [s for a, b in pairwise(places) for s in claims.feed(ANSWER[a:b])]
    found += claims.finish()
    assert [normalize_whitespace(sentence) for sentence in found] == [
        normalize_whitespace(sentence) for sentence in split_claims(ANSWER)
    ]
    assert len(found) == 5


def test_a_sentence_goes_on_as_soon_as_the_next_has_begun() -> None:
    claims = ClaimReader()
    assert claims.feed("One is said. [1") == []
    assert claims.feed("] ") == []
    assert claims.feed("The next") == ["One is said. [1]"]
    assert claims.finish() == ["The next"]


@given(st.text(alphabet="ab .,\n\t'\"", max_size=60), st.integers(0, 60), st.integers(0, 60))
def test_what_stands_in_a_source_is_a_piece_of_it(source: str, start: int, end: int) -> None:
    stands = find_quote(source[start:end], source)
    assert stands is None or stands in normalize_whitespace(source)
