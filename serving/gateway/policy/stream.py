"""A policy applied to an answer in pieces: text is released once it can no longer become part of a match."""

from collections import Counter

from serving.gateway.policy.policy import Finding, Policy, redact, tally
from serving.gateway.policy.quoting import Quoting
from serving.gateway.policy.shadow import complete_length, is_json, shadow_of
from serving.gateway.policy.vault import Vault


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
        # The last visible character released: whether a word can start depends on the character before it.
        self._sent = ""
        self._held = ""
        self._counts: Counter[tuple[str, str]] = Counter()
        self._findings: dict[tuple[str, str], Finding] = {}
        self._has_started = False
        self._quoting: Quoting | None = None
        self.blocked = self.altered = False
        self.released = 0

    def feed(self, text: str) -> str:
        """Add a piece; return the text released by it."""
        return self._release(text, last=False)

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
        if json and not last:
            place = complete_length(whole)
            whole, unfinished = whole[:place], whole[place:]
        shadow = shadow_of(whole, json=json)
        before = len(shadow_of(self._sent, json=json).text)
        cut = len(shadow.text) if last else max(before, self._policy.hold_from(shadow.text))
        matches = [
            match for match in self._policy.matches(shadow.text, "response", self._vault) if match.start >= before
        ]
        # Matches may overlap: moving the cut to the start of one can put it inside an earlier one.
        for match in reversed(matches):
            if match.start < cut < match.end:
                cut = match.start
        matches = [match for match in matches if match.end <= cut]
        for finding in tally(matches, "response"):
            key = (finding.rule, finding.action)
            self._findings[key] = finding
            self._counts[key] += finding.count
            self.blocked = self.blocked or finding.action == "block"
        end = len(whole) if last else shadow.place(cut)
        start = len(self._sent)
        spans = [(shadow.place(match.start) - start, shadow.end(match.end) - start, match) for match in matches]
        ready = whole[start:end]
        released = "" if self.blocked else redact(ready, spans, self._vault, self._quoting)
        restored = self._vault.restore(released, json=json)
        if end > start:
            self._sent = whole[shadow.place(cut - 1) : end] if cut else ""
        self._held = whole[end:] + unfinished
        self.released += len(ready)
        self.altered = restored != ready
        return restored
