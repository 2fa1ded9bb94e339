"""Log probabilities of tokens: they spell the text, so they are sent only with text that the policy has released.

The texts themselves are checked in `checks` and `deltas`.
"""

from collections import deque
from collections.abc import Mapping
from typing import Any

from serving.gateway.policy.policy import Policy
from serving.gateway.policy.vault import Vault

Entries = list[Any]


class PendingLogprobs:
    """Entries of one text of a stream, each held back until its piece of the text is released."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._waiting: deque[tuple[int, int, Entries]] = deque()
        self._altered_to = 0

    def add(self, entries: Entries, start: int, end: int) -> None:
        """Hold back the entries of a piece of the text, from character `start` up to `end`."""
        self._waiting.append((start, end, entries))

    def release(self, released: int, *, altered: bool) -> Entries:
        """Return the entries of pieces released up to a character; drop those of pieces that were altered in any part."""
        if altered:
            self._altered_to = released
        out: Entries = []
        while self._waiting and self._waiting[0][1] <= released:
            start, _, entries = self._waiting.popleft()
            if start >= self._altered_to:
                out += remove_unsafe_alternatives(entries, self._policy)
        return out


def join_tokens(entries: Any) -> str | None:
    """Return the text that the tokens of entries spell; None if there are no entries."""
    if not isinstance(entries, list):
        return None
    return "".join(str(entry.get("token", "")) for entry in entries if isinstance(entry, Mapping))


def replace_logprobs(original: Any, checked: Any, policy: Policy) -> None:
    """Put the log probabilities of each unchanged text beside it in a checked value, in place; elsewhere none.

    Parameters
    ----------
    original : the value before it was checked, of the same shape.
    """
    if isinstance(original, list) and isinstance(checked, list):
        for before, after in zip(original, checked, strict=True):
            replace_logprobs(before, after, policy)
    if not isinstance(original, Mapping) or not isinstance(checked, dict):
        return
    for name, value in original.items():
        if name == "logprobs":
            is_same = join_tokens(value) == original.get("text") == checked.get("text")
            checked[name] = remove_unsafe_alternatives(value, policy) if is_same else []
        elif name in checked:
            replace_logprobs(value, checked[name], policy)


def remove_unsafe_alternatives(entries: Any, policy: Policy) -> Entries:
    """Return entries without the alternative tokens that the policy would not release."""
    if not isinstance(entries, list):
        return []
    if not policy.changes("response"):
        return entries
    return [_remove_unsafe(entry, policy) for entry in entries if isinstance(entry, Mapping)]


def _remove_unsafe(entry: Mapping[str, Any], policy: Policy) -> dict[str, Any]:
    alternatives = entry.get("top_logprobs")
    safe = [item for item in alternatives if _passes(item, policy)] if isinstance(alternatives, list) else []
    return {**entry, "top_logprobs": safe}


def _passes(alternative: Any, policy: Policy) -> bool:
    token = alternative.get("token") if isinstance(alternative, Mapping) else None
    if not isinstance(token, str):
        return False
    verdict = policy.response(token, Vault())
    return verdict.text == token and not verdict.blocked
