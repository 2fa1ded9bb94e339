"""A stream says what the whole says, however it is split and whatever is disguised, and lets nothing out early."""

import json
import re
import time
from collections.abc import Sequence
from itertools import pairwise

from hypothesis import example, given, settings
from hypothesis import strategies as st

from serving.gateway.policy.policy import Policy
from serving.gateway.policy.stream import ResponseStream
from serving.gateway.policy.vault import Vault
from tests.support.gateway import build_policy, disguise_secret

REDACT, BLOCK = build_policy(), build_policy("block")
# As a phone number may go on, its longest reading overlaps with the address.
OVERLAPPING = "+1 (555) 123-4567 2001:db8::8a2e:370:7334"
words = st.sampled_from(
    [
        "the",
        "a",
        "is",
        "of",
        "10",
        "2013-01-05",
        "\u00fcber",
        "(",
        "x,",
        "na\u00efve",
        "\U0001f600",
        "1.5",
        "\n",
        "e.g.",
        "mail",
        "4111",
        "2026 2027",
        "030 901820",
    ]
)


texts = st.lists(st.one_of(words, disguise_secret()), min_size=1, max_size=12).map(" ".join)


def streamed(policy: Policy, text: str, cuts: Sequence[int]) -> tuple[list[str], ResponseStream]:
    stream = ResponseStream(policy, Vault())
    places = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    out = [stream.feed(text[a:b]) for a, b in pairwise(places)]
    return [*out, stream.finish()], stream


@settings(max_examples=600)
@given(texts, st.lists(st.integers(0, 400), max_size=30))
@example(OVERLAPPING, [])
@example(OVERLAPPING, [*range(len(OVERLAPPING))])
@example(f"{OVERLAPPING}zz", [*range(len(OVERLAPPING) + 2)])
def test_a_stream_redacts_what_the_whole_does(text: str, cuts: list[int]) -> None:
    whole = REDACT.response(text, Vault())
    pieces, stream = streamed(REDACT, text, cuts)
    assert "".join(pieces) == whole.text
    assert sorted(stream.findings, key=str) == sorted(whole.findings, key=str)


@settings(max_examples=400)
@given(texts, st.lists(st.integers(0, 400), max_size=30))
def test_json_in_pieces_is_read_as_what_it_means_and_stays_json(text: str, cuts: list[int]) -> None:
    said = json.dumps({"say": text, "n": 4111111111111111, "m": [1, "\n"]})
    whole = REDACT.response(said, Vault())
    pieces, _ = streamed(REDACT, said, cuts)
    assert "".join(pieces) == whole.text
    meant = json.loads(whole.text)
    assert meant["n"].startswith("[CREDIT_CARD_")
    number = re.compile(r"_\d+\]")
    assert number.sub("", meant["say"]) == number.sub("", REDACT.response(text, Vault()).text)


NUMBERS = st.from_regex(
    r"-?(0|[1-9][0-9]{0,4}|4111111111111111|42)(\.(42|[0-9]{1,3}))?([eE][+-]?[0-9]{1,2})?", fullmatch=True
)
NUMERIC_TERMS = build_policy(denylist={"terms": ["42"], "action": "redact"}, pii={"credit_card": "redact"})


@settings(max_examples=400)
@given(
    st.lists(NUMBERS, min_size=1, max_size=60),
    st.sampled_from([",", ", ", "\n,"]),
    st.lists(st.integers(0, 1500), max_size=30),
)
@example(["-4111111111111111", "4111111111111111.5", "-42", "1.42", "42e5", "4111111111111111e2"], ",", [])
@example(["1", *["-4111111111111111"] * 60], ",", [*range(1200)])
def test_numbers_of_json_become_texts_as_a_whole(numbers: list[str], comma: str, cuts: list[int]) -> None:
    text = f'{{"n": [{comma.join(numbers)}]}}'
    pieces, _ = streamed(NUMERIC_TERMS, text, cuts)
    assert "".join(pieces) == NUMERIC_TERMS.response(text, Vault()).text
    for number, value in zip(numbers, json.loads("".join(pieces))["n"], strict=True):
        assert value == json.loads(number) or value.startswith(("[CREDIT_CARD_", "[DENYLIST_"))


@settings(max_examples=300)
@given(words, disguise_secret(), words)
def test_every_disguised_secret_is_found_and_gone(before: str, secret: str, after: str) -> None:
    verdict = REDACT.request(f"{before} {secret} {after}", Vault())
    assert verdict.findings
    assert secret not in verdict.text


@settings(max_examples=300)
@given(texts, st.lists(st.integers(0, 400), max_size=30))
@example(OVERLAPPING, [])
@example(OVERLAPPING, [*range(len(OVERLAPPING))])
@example(f"{OVERLAPPING}zz", [*range(len(OVERLAPPING) + 2)])
def test_a_blocked_stream_has_sent_only_what_stood_before(text: str, cuts: list[int]) -> None:
    whole = BLOCK.response(text, Vault())
    pieces, stream = streamed(BLOCK, text, cuts)
    assert stream.blocked == whole.blocked
    sent = "".join(pieces)
    assert text.startswith(sent)
    assert not BLOCK.response(sent, Vault()).blocked
    assert (sent == text) == (not whole.blocked)


@settings(max_examples=200)
@given(st.text(max_size=300), st.lists(st.integers(0, 300), max_size=30))
def test_any_text_comes_out_the_same_in_pieces(text: str, cuts: list[int]) -> None:
    pieces, _ = streamed(REDACT, text, cuts)
    assert "".join(pieces) == REDACT.response(text, Vault()).text


def test_words_go_out_as_soon_as_they_are_over() -> None:
    stream = ResponseStream(REDACT, Vault())
    assert [stream.feed(piece) for piece in ("Hel", "lo ", "wor", "ld, ", "how")] == ["", "Hello ", "", "world, ", ""]
    assert stream.finish() == "how"


def test_a_placeholder_split_over_pieces_is_restored() -> None:
    policy = build_policy(pii={"email": {"action": "redact", "reversible": True}})
    vault = Vault()
    policy.request("a@b.de", vault)
    stream = ResponseStream(policy, vault)
    assert "".join([stream.feed(c) for c in "Dear [EMAIL_1], hello"]) + stream.finish() == "Dear a@b.de, hello"


def test_a_word_without_end_costs_each_piece_the_same() -> None:
    stream = ResponseStream(REDACT, Vault())
    start = time.process_time()
    for _ in range(200):
        stream.feed("abcde")
    first = time.process_time() - start
    for _ in range(2_000):
        stream.feed("abcde")
    start = time.process_time()
    for _ in range(200):
        stream.feed("abcde")
    assert time.process_time() - start < 20 * first + 0.5  # quadratic would be worse by far
