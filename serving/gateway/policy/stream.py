"""A policy applied to an answer in pieces: text is released once it can no longer become part of a match."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence

from serving.gateway.policy.encodings import complete_length
from serving.gateway.policy.normal_text import CONTEXT, is_json, normal_text_of
from serving.gateway.policy.policy import Finding, Match, Policy, redact, tally
from serving.gateway.policy.quoting import Quoting, number_start
from serving.gateway.policy.vault import Vault

_FLUSHED_CONTEXT = 4 * CONTEXT  # characters: longer than what a text may be divided in the middle of


class ResponseStream:
    """One text of an answer; holds back the end that could still become a match (at most 640 characters).

    Attributes
    ----------
    blocked : whether a rule has blocked it; nothing more is released then.
    released : characters of the original released or redacted so far.
    altered : whether the last released text differs from the original.
    """

    def __init__(self, policy: Policy, vault: Vault) -> None:
        self._policy = policy
        self._vault = vault
        # The last visible characters released: whether a match can start depends on those before it.
        self._sent = ""
        self._held = ""
        self._counts: Counter[tuple[str, str]] = Counter()
        self._findings: dict[tuple[str, str], Finding] = {}
        self._has_started = False
        self._quoting: Quoting | None = None
        self._context = CONTEXT
        self.blocked = self.altered = False
        self.released = 0

    def feed(self, text: str) -> str:
        """Add a piece; return the text released by it."""
        return self._release(text, last=False)

    def flush(self) -> str:
        """Return the rest, before another text begins.

        A text that goes on afterwards is checked together with what was released: of a match that begins there, the
        rest is redacted, or the text blocked.
        """
        self._context = _FLUSHED_CONTEXT
        return self._release("", last=True)

    def finish(self) -> str:
        """Return the rest, at the end of the text."""
        return self._release("", last=True)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Return the findings so far."""
        return tuple(
            Finding(finding.rule, finding.action, finding.side, self._counts[key])
            for key, finding in self._findings.items()
        )

    def _release(self, text: str, *, last: bool) -> str:
        if self.blocked:
            return ""
        whole = self._sent + self._held + text
        if not self._has_started and not whole.isspace():
            self._has_started = bool(whole)
            self._quoting = Quoting() if is_json(whole) else None
        json = self._quoting is not None
        unfinished = ""
        if not last:
            place = complete_length(whole)
            whole, unfinished = whole[:place], whole[place:]
        normal = normal_text_of(whole, json=json)
        sent = len(self._sent)
        before = sent if normal.places is None else bisect_left(normal.places, sent)
        cut = len(normal.text) if last else max(before, self._policy.hold_from(normal.text))
        was_flushed = self._context > CONTEXT
        matches = self._policy.matches(normal.text, "response", self._vault, 0 if was_flushed else before)
        if was_flushed:
            matches = [match for match in matches if normal.end(match.end) > sent]
        if matches or json:
            cut = max(before, _move_out(cut, matches, normal.text if json and not last else None, before))
            matches = [match for match in matches if match.end <= cut]
        end = len(whole) if last else normal.place(cut)
        start = len(self._sent)
        released = ready = whole[start:end]
        if matches:
            self._count(matches)
        if matches or json:
            spans = [(normal.place(match.start) - start, normal.end(match.end) - start, match) for match in matches]
            released = "" if self.blocked else redact(ready, spans, self._vault, self._quoting)
        restored = self._vault.restore(released, json=json)
        if end > start:
            self._sent = whole[normal.place(max(0, cut - self._context)) : end] if cut else ""
        self._held = whole[end:] + unfinished
        self.released += len(ready)
        self.altered = restored != ready
        return restored

    def _count(self, matches: Sequence[Match]) -> None:
        for finding in tally(matches, "response"):
            key = (finding.rule, finding.action)
            self._findings[key] = finding
            self._counts[key] += finding.count
            self.blocked = self.blocked or finding.action == "block"


def _move_out(cut: int, matches: Sequence[Match], json: str | None, before: int) -> int:
    """Move a cut to the start of the matches, and of the number of a JSON text, that it would divide.

    Either can put it inside an earlier match: matches may overlap.
    """
    moved = cut
    for match in reversed(matches):
        if match.start < moved < match.end:
            moved = match.start
    if json is not None:
        moved = number_start(json, before, moved)
    return cut if moved == cut else _move_out(moved, matches, json, before)
