"""Log probabilities of tokens: they spell the text again, so they go out with the text that the policy has let out, or not at all.

What is in an answer's texts is judged in `stream` and `service`.
"""

from collections import deque
from collections.abc import Mapping
from typing import Any

from serving.gateway.policy.policy import Policy
from serving.gateway.policy.vault import Vault

Entries = list[Any]


class HeldLogprobs:
    """Entries of one text of a stream, each held until its piece of the text is out."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._waiting: deque[tuple[int, int, Entries]] = deque()
        self._altered_to = 0

    def add(self, entries: Entries, start: int, end: int) -> None:
        """Keep entries of a piece, from one character of the text up to another."""
        self._waiting.append((start, end, entries))

    def ready(self, released: int, *, altered: bool) -> Entries:
        """The entries of what has gone out up to a character; none of a piece of which any part was altered."""
        if altered:
            self._altered_to = released
        out: Entries = []
        while self._waiting and self._waiting[0][1] <= released:
            start, _, entries = self._waiting.popleft()
            if start >= self._altered_to:
                out += clean(entries, self._policy)
        return out


def spelled(entries: Any) -> str | None:
    """The text that entries spell; None where they are none."""
    if not isinstance(entries, list):
        return None
    return "".join(str(entry.get("token", "")) for entry in entries if isinstance(entry, Mapping))


def clean(entries: Any, policy: Policy) -> Entries:
    """Entries without alternatives that the policy would not let out."""
    if not isinstance(entries, list):
        return []
    if not policy.changes("response"):
        return entries
    return [_clean(entry, policy) for entry in entries if isinstance(entry, Mapping)]


def _clean(entry: Mapping[str, Any], policy: Policy) -> dict[str, Any]:
    alternatives = entry.get("top_logprobs")
    kept = [one for one in alternatives if _passes(one, policy)] if isinstance(alternatives, list) else []
    return {**entry, "top_logprobs": kept}


def _passes(alternative: Any, policy: Policy) -> bool:
    token = alternative.get("token") if isinstance(alternative, Mapping) else None
    if not isinstance(token, str):
        return False
    verdict = policy.response(token, Vault())
    return verdict.text == token and not verdict.blocked
