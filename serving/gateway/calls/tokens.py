"""Tokens of a call: as the provider reports them, else estimated and marked as such."""

import re
from collections.abc import Mapping
from itertools import product
from typing import Any, Final

from guard_store.spending.amounts import Amount

_BYTES_A_TOKEN = 4  # of English text, in today's tokenizers
_MAX_PLAUSIBLE_TOKENS = (
    10**8
)  # tokens of a call that are believed: ten times the largest context, and a cost that can be stored
_MOST_BYTES_A_TOKEN = 128  # of a run of the same character
_PROMPT: Final = ("prompt_tokens", "input_tokens")  # the second as Anthropic and OpenAI's newer API have it
_ANSWER: Final = ("completion_tokens", "output_tokens")
_CACHED: Final = (
    ("prompt_tokens_details", "cached_tokens"),  # OpenAI, Azure, Gemini, xAI, OpenRouter
    (None, "prompt_cache_hit_tokens"),  # DeepSeek
    (None, "cache_read_input_tokens"),  # Anthropic and servers compatible with it
    (None, "cached_tokens"),  # Moonshot
    (None, "num_cached_tokens"),  # Mistral
    ("input_tokens_details", "cached_tokens"),
)
_REASONING: Final = (
    ("completion_tokens_details", "reasoning_tokens"),
    ("output_tokens_details", "reasoning_tokens"),
    (None, "reasoning_tokens"),
)
_TOTALS: Final = frozenset({"prompt_tokens", "completion_tokens", "total_tokens"})
_is_count = re.compile(r"[0-9]{1,16}").fullmatch
_CACHE_WRITES: Final = (
    (None, "cache_creation_input_tokens"),  # Anthropic and servers compatible with it
    ("prompt_tokens_details", "cache_write_tokens"),  # OpenRouter
)


def estimate(size: int) -> int:
    """Estimate the tokens of a text from its UTF-8 bytes."""
    return -(-size // _BYTES_A_TOKEN)


def is_implausibly_low(tokens: int, size: int) -> bool:
    """Return whether so few tokens cannot spell a text of `size` UTF-8 bytes."""
    return tokens < size // _MOST_BYTES_A_TOKEN


def find_usage(answer: Mapping[str, Any]) -> Any:
    """Return the usage that an answer, or an event of a stream, reports; some servers put it into a choice or a field of their own."""
    usage = answer.get("usage")
    if usage:
        return usage
    return next((holder["usage"] for holder in list_holders(answer) if holder.get("usage")), None)


def list_holders(answer: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the objects in which some servers put fields that belong to the answer: their own, and the choices."""
    choices = answer.get("choices")
    holders = (answer.get("x_groq"), *(choices if isinstance(choices, list) else ()))
    return [holder for holder in holders if isinstance(holder, Mapping)]


def read_usage(usage: Any) -> Amount | None:
    """Read a provider's `usage`; return None if it is absent, empty or malformed. Costs are not part of it.

    Cached tokens are part of the prompt's tokens, reasoning tokens part of the answer's: nothing is counted twice. Where a
    provider counts them separately instead, `total_tokens` shows it; usage that does not add up either way is marked estimated.

    >>> beside = {"prompt_tokens": 32, "completion_tokens": 9, "total_tokens": 401, "reasoning_tokens": 360}
    >>> read_usage(beside)
    Amount(tokens_in=32, tokens_cached=0, tokens_cache_write=0, tokens_out=369, tokens_reasoning=360, estimated=False, cost_nano_usd=0)
    """
    if not isinstance(usage, dict):
        return None
    tokens_in, tokens_out = _first_count(usage, _PROMPT), _first_count(usage, _ANSWER)
    total = _count(usage, "total_tokens") or None
    if tokens_in is None and (total is None or tokens_out is None):
        return None
    if tokens_in is None:
        tokens_in = max(0, (total or 0) - (tokens_out or 0))
    if tokens_out is None:
        tokens_out = max(0, (total or 0) - tokens_in)
    if not tokens_in and not tokens_out:
        return None
    return _reconcile(usage, tokens_in, tokens_out, total)


def _reconcile(usage: dict[str, Any], tokens_in: int, tokens_out: int, total: int | None) -> Amount:
    """Add the tokens that the provider counts separately from prompt and answer, so that all add up to the total."""
    cached = reasoning = writes = 0
    if not usage.keys() <= _TOTALS:
        cached, reasoning, writes = (_first(usage, spellings) for spellings in (_CACHED, _REASONING, _CACHE_WRITES))
    if total is None:  # more cached tokens than tokens of the prompt: they are counted separately
        extra_in = cached + writes if cached > tokens_in else 0
        extra_out = reasoning if reasoning > tokens_out else 0
        estimated = bool(extra_in or extra_out)
    elif total == tokens_in + tokens_out:
        extra_in = extra_out = 0
        estimated = cached > tokens_in or reasoning > tokens_out
    else:
        gap = total - tokens_in - tokens_out
        sums = product((0, cached, writes, cached + writes), (0, reasoning))
        ways = list(dict.fromkeys(way for way in sums if sum(way) == gap))
        extra_in, extra_out = ways[0] if ways else (0, max(0, gap))
        estimated = len(ways) != 1 or cached > tokens_in + extra_in or reasoning > tokens_out + extra_out
    tokens_in, tokens_out = tokens_in + extra_in, tokens_out + extra_out
    return Amount(
        tokens_in=tokens_in,
        tokens_cached=min(cached, tokens_in),
        tokens_cache_write=min(writes, max(0, tokens_in - cached)),
        tokens_out=tokens_out,
        tokens_reasoning=min(reasoning, tokens_out),
        estimated=estimated,
    )


def _first_count(usage: dict[str, Any], names: tuple[str, ...]) -> int | None:
    for name in names:
        count = _count(usage, name)
        if count is not None:
            return count
    return None


def _first(usage: dict[str, Any], spellings: tuple[tuple[str | None, str], ...]) -> int:
    """Return the first count that is not zero among the spellings of a field: group, if any, and name."""
    for group, name in spellings:
        counts = usage if group is None else usage.get(group)
        if counts and (count := _count(counts, name)):
            return count
    return 0


def _count(counts: Any, name: str) -> int | None:
    return read_count(counts.get(name)) if isinstance(counts, dict) else None


def read_count(value: Any) -> int | None:
    """Return a whole number that some servers send as a float or a text; None for any other value.

    >>> read_count(8), read_count(8.0), read_count("8"), read_count("8.5"), read_count(True)
    (8, 8, 8, None, None)
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, str) and _is_count(value):
        value = int(value)
    return (
        value
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MAX_PLAUSIBLE_TOKENS
        else None
    )
