"""An answer that arrives in pieces: only what can no longer become a match goes out, the rest a moment later."""

from collections import Counter

from serving.gateway.policy.policy import Finding, Policy, redacted, tally
from serving.gateway.policy.quoting import Quoting
from serving.gateway.policy.shadow import finished, is_json, shadow_of
from serving.gateway.policy.vault import Vault


class ResponseStream:
    """One text of an answer; the end of it that could still become a match is held back (640 characters at most).

    Attributes
    ----------
    blocked : whether a rule has stopped it; nothing goes out any more then.
    released : characters of the original that are dealt with.
    altered : whether what went out last is not what had come in.
    """

    def __init__(self, policy: Policy, vault: Vault) -> None:
        self._policy = policy
        self._vault = vault
        self._sent = (
            ""  # the last visible character that went out: a word's beginning is judged by what stands before it
        )
        self._held = ""
        self._counts: Counter[tuple[str, str]] = Counter()
        self._findings: dict[tuple[str, str], Finding] = {}
        self._begun = False
        self._quoting: Quoting | None = None
        self.blocked = self.altered = False
        self.released = 0

    def feed(self, text: str) -> str:
        """Take a piece; returns what may go out now."""
        return self._release(text, last=False)

    def finish(self) -> str:
        """The rest, when there is no more to come."""
        return self._release("", last=True)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What was found up to now."""
        return tuple(
            Finding(finding.rule, finding.action, finding.side, self._counts[key])
            for key, finding in self._findings.items()
        )

    def _release(self, text: str, *, last: bool) -> str:
        if self.blocked:
            return ""
        whole = self._sent + self._held + text
        if not self._begun and not whole.isspace():
            self._begun = bool(whole)
            self._quoting = Quoting() if is_json(whole) else None
        json = self._quoting is not None
        unfinished = ""
        if json and not last:
            place = finished(whole)
            whole, unfinished = whole[:place], whole[place:]
        shadow = shadow_of(whole, json=json)
        before = len(shadow_of(self._sent, json=json).text)
        cut = len(shadow.text) if last else max(before, self._policy.hold_from(shadow.text))
        found = [match for match in self._policy.matches(shadow.text, "response", self._vault) if match.start >= before]
        for match in reversed(found):  # they may overlap: what the cut leaves may begin before it
            if match.start < cut < match.end:
                cut = match.start
        found = [match for match in found if match.end <= cut]
        for finding in tally(found, "response"):
            key = (finding.rule, finding.action)
            self._findings[key] = finding
            self._counts[key] += finding.count
            self.blocked = self.blocked or finding.action == "block"
        end = len(whole) if last else shadow.place(cut)
        start = len(self._sent)
        spans = [(shadow.place(match.start) - start, shadow.end(match.end) - start, match) for match in found]
        ready = whole[start:end]
        released = "" if self.blocked else redacted(ready, spans, self._vault, self._quoting)
        restored = self._vault.restore(released, json=json)
        if end > start:
            self._sent = whole[shadow.place(cut - 1) : end] if cut else ""
        self._held = whole[end:] + unfinished
        self.released += len(ready)
        self.altered = restored != ready
        return restored
