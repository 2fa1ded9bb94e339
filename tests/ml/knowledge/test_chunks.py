"""Chunks stay within a section and a page, break between sentences, and keep their ids while nothing of them changes."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from ml.knowledge.blocks import Block
from ml.knowledge.chunks import split_document
from ml.knowledge.documents import Document
from ml.knowledge.sentences import sentences

SENTENCE = "Here is a sentence that says a little about something. "


def document(*blocks: Block, title: str = "T") -> Document:
    return Document("a.md", title, "0" * 64, blocks)


def test_a_chunk_is_of_one_section_and_one_page() -> None:
    found = split_document(
        document(Block("One.", "A", 1), Block("Two.", "A", 1), Block("Three.", "A", 2), Block("4.", "B", 2))
    )
    assert [(chunk.section, chunk.page, chunk.text) for chunk in found] == [
        ("A", 1, "One. Two."),
        ("A", 2, "Three."),
        ("B", 2, "4."),
    ]
    assert [chunk.place for chunk in found] == [0, 1, 2]


def test_a_long_section_is_cut_between_sentences_and_each_piece_begins_with_the_last_one_before() -> None:
    numbered = [f"Sentence {n} says a little about something else." for n in range(60)]
    found = split_document(document(Block(" ".join(numbered), "A", None)))
    assert len(found) > 2
    for before, after in pairwise(found):
        assert sentences(before.text)[-1] == sentences(after.text)[0]
    assert all(len(chunk.text) <= 950 for chunk in found)
    assert {sentence for chunk in found for sentence in sentences(chunk.text)} == set(numbered)


def test_an_id_stays_when_another_part_changes_and_changes_with_its_own_text_section_or_title() -> None:
    first = split_document(document(Block("One.", "A", None), Block("Two.", "B", None)))
    second = split_document(document(Block("New.", "", None), Block("One.", "A", None), Block("Two!", "B", None)))
    assert first[0].id == second[1].id
    assert first[1].id != second[2].id
    assert split_document(document(Block("One.", "A", None), title="U"))[0].id != first[0].id


def test_the_same_text_twice_in_a_section_is_one_chunk() -> None:
    found = split_document(document(Block("One.", "A", None), Block("Two.", "B", None), Block("One.", "A", None)))
    assert [chunk.text for chunk in found] == ["One.", "Two."]


@given(st.text(alphabet="ab .!?(A1\"'", max_size=200))
def test_sentences_joined_by_spaces_are_the_text_again(text: str) -> None:
    plain = " ".join(text.split())
    assert " ".join(sentences(plain)) == plain
