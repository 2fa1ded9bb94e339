"""Tokens of a call: as the provider reports them, else estimated and marked as such."""

from typing import Any

from guard_store.spending.amounts import Amount

_BYTES_A_TOKEN = 4  # of English text, in today's tokenizers
_MOST = 2**53


def estimate(size: int) -> int:
    """Estimate the tokens of a text from its UTF-8 bytes."""
    return -(-size // _BYTES_A_TOKEN)


def read_usage(usage: Any) -> Amount | None:
    """Read a provider's `usage`; return None if it is absent or malformed. Costs are not part of it.

    Cached tokens are part of the prompt's tokens, reasoning tokens part of the answer's: nothing is counted twice.
    """
    if not isinstance(usage, dict):
        return None
    tokens_in = _count(usage, "prompt_tokens")
    tokens_out = _count(usage, "completion_tokens")
    if tokens_in is None:
        total = _count(usage, "total_tokens")
        if total is None or tokens_out is None:
            return None
        tokens_in = max(0, total - tokens_out)
    cached = _count(usage.get("prompt_tokens_details"), "cached_tokens") or 0
    reasoning = _count(usage.get("completion_tokens_details"), "reasoning_tokens") or 0
    return Amount(
        tokens_in=tokens_in,
        tokens_cached=min(cached, tokens_in),
        tokens_out=tokens_out or 0,
        tokens_reasoning=min(reasoning, tokens_out or 0),
    )


def _count(counts: Any, name: str) -> int | None:
    value = counts.get(name) if isinstance(counts, dict) else None
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MOST else None
