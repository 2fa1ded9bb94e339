"""Usage in each provider's spelling; `total_tokens` shows what is counted beside prompt and answer."""

from typing import Any

import pytest

from guard_store.spending.amounts import Amount
from serving.gateway.calls.tokens import find_usage, read_usage


def _usage(prompt: float | None, completion: float | None, total: float | None, **more: Any) -> dict[str, Any]:
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total, **more}


def _reasoning(tokens: int) -> dict[str, Any]:
    return {"completion_tokens_details": {"reasoning_tokens": tokens}}


@pytest.mark.parametrize(
    ("usage", "tokens_out", "estimated"),
    [
        (_usage(32, 369, 401, **_reasoning(360)), 369, False),
        (_usage(32, 9, 401, **_reasoning(360)), 369, False),
        (_usage(32, 9, 401, reasoning_tokens=360), 369, False),
        (_usage(32, 369, None, **_reasoning(360)), 369, False),
        (_usage(32, 369, 0, **_reasoning(360)), 369, False),
        (_usage(32, 9, None, **_reasoning(360)), 369, True),
        (_usage(32, 9, 401), 369, True),
        (_usage(32, 9, 41, **_reasoning(360)), 9, True),
        (_usage(32, 9, 30), 9, True),
        (_usage(32, None, 41), 9, False),
    ],
    ids=["inside", "beside", "spelt flat", "no total", "zero total", "beside, no total", "not reported", "too many",
         "too small a total", "no completion"],
)  # fmt: skip
def test_reasoning_is_counted_once_inside_or_beside_the_answer(
    usage: dict[str, Any], tokens_out: int, estimated: bool
) -> None:
    amount = read_usage(usage)
    assert amount is not None
    assert (amount.tokens_in, amount.tokens_out, amount.estimated) == (32, tokens_out, estimated)


@pytest.mark.parametrize(
    "cached",
    [
        {"prompt_tokens_details": {"cached_tokens": 6}},
        {"prompt_cache_hit_tokens": 6, "prompt_cache_miss_tokens": 4},
        {"prompt_cache_hit_tokens": 6, "prompt_tokens_details": {"cached_tokens": 0}},
        {"cache_read_input_tokens": 6, "prompt_tokens_details": None},
        {"cached_tokens": 6},
        {"num_cached_tokens": 6},
    ],
)
def test_cached_tokens_are_read_in_each_spelling(cached: dict[str, Any]) -> None:
    assert read_usage(_usage(10, 8, 18, **cached)) == Amount(tokens_in=10, tokens_cached=6, tokens_out=8)


@pytest.mark.parametrize("writes", [0, 3])
def test_cached_tokens_beside_the_prompt_are_added_to_it(writes: int) -> None:
    cached = {"cache_read_input_tokens": 6, "cache_creation_input_tokens": writes}
    expected = Amount(tokens_in=10 + writes, tokens_cached=6, tokens_cache_write=writes, tokens_out=8)
    assert read_usage(_usage(4, 8, 18 + writes, **cached)) == expected
    without_total = read_usage(_usage(4, 8, None, **cached))
    assert without_total is not None
    assert (without_total.tokens_in, without_total.estimated) == (10 + writes, True)


def test_tokens_written_to_the_cache_are_part_of_the_prompt_for_openrouter() -> None:
    usage = _usage(10, 8, 18, prompt_tokens_details={"cached_tokens": 2, "cache_write_tokens": 5})
    assert read_usage(usage) == Amount(tokens_in=10, tokens_cached=2, tokens_cache_write=5, tokens_out=8)


def test_a_total_that_adds_up_in_two_ways_is_estimated() -> None:
    amount = read_usage(_usage(10, 8, 23, cached_tokens=5, reasoning_tokens=5))
    assert amount is not None
    assert amount.estimated


@pytest.mark.parametrize("usage", [None, {}, [], "x", _usage(0, 0, 0), _usage(None, 3, None), _usage(-1, 3, None)])
def test_usage_that_is_empty_or_malformed_is_none(usage: Any) -> None:
    assert read_usage(usage) is None


def test_usage_is_read_under_either_name_and_as_any_number() -> None:
    assert read_usage({"input_tokens": 10, "output_tokens": 8}) == Amount(tokens_in=10, tokens_out=8)
    assert read_usage(_usage(10.0, 8.0, 18.0)) == Amount(tokens_in=10, tokens_out=8)
    assert read_usage(_usage(10.5, None, None)) is None


@pytest.mark.parametrize("choices", [None, [], "x", [None], [{"usage": None}]])
def test_usage_is_found_in_the_answer_or_in_a_choice(choices: Any) -> None:
    usage = _usage(10, 8, 18)
    assert find_usage({"choices": [{"index": 0}, {"index": 1, "usage": usage}]}) == usage
    assert find_usage({"choices": choices, "usage": usage}) == usage
    assert find_usage({"choices": choices, "x_groq": {"id": "r", "usage": usage}}) == usage
    assert find_usage({"choices": choices, "usage": None}) is None
