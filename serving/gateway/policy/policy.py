"""A policy at work on text: what is found, what becomes of it. Which rules there are is `rules`, streams are `stream`."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import msgspec

from serving.gateway.policy.injection import suspicious
from serving.gateway.policy.personal import KINDS, WITHOUT_DIGITS, Kind, find
from serving.gateway.policy.quoting import Quoting, unescaped
from serving.gateway.policy.rules import Action, PolicyRules, Rule, Side
from serving.gateway.policy.shadow import is_json, shadow_of
from serving.gateway.policy.terms import terms_pattern, terms_tail
from serving.gateway.policy.vault import Vault

_DENYLIST = "denylist"
_INJECTION = "injection"
# What could still become a match where a text ends: a word, a number, an IBAN, the head of a private key.
_TAILS = (
    r"\S{1,512}",
    r"[+(]?\d[\d ().-]{0,64}",
    r"[a-z]{2}\d{2}[a-z0-9 -]{0,68}",
    r"-----[a-z -]{0,48}",
)
_has_digit = re.compile("[0-9]").search
_TAIL_LOOK = 640  # characters of the end that are looked at: more than the longest of them


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that was met, how often, and what was done; never the text that met it."""

    rule: str
    action: Literal["flag", "redact", "block"]
    side: Side
    count: int


class Verdict(msgspec.Struct, frozen=True):
    """What a policy says of a text: how it may go on, unless it is blocked."""

    text: str
    findings: tuple[Finding, ...]
    blocked: bool


@dataclass(frozen=True, slots=True)
class Match:
    """A piece of a shadow that met a rule."""

    start: int
    end: int
    rule: str
    action: Action
    reversible: bool


class Policy:
    """Rules made ready; immutable, safe to share between requests."""

    def __init__(self, rules: PolicyRules) -> None:
        self._rules = rules
        denied = rules.denylist
        self._denied = terms_pattern(denied.terms) if denied.terms and denied.action != "off" else None
        self._tail = re.compile(f"(?:{'|'.join((*_TAILS, *terms_tail(denied.terms)))})\\Z")
        self._kinds: dict[Side, tuple[tuple[Kind, Rule], ...]] = {
            side: tuple(
                (kind, rule)
                for kind, rule in ((kind, rules.pii.of(kind)) for kind in KINDS)
                if rule.action != "off" and side in rule.sides
            )
            for side in ("request", "response", "passage")
        }
        self._kinds_without_digits = {
            side: tuple(one for one in kinds if one[0] in WITHOUT_DIGITS) for side, kinds in self._kinds.items()
        }
        self.hash = hashlib.sha256(msgspec.json.encode(rules.model_dump(), order="deterministic")).hexdigest()
        """SHA-256 of the rules, hexadecimal: for the ledger."""

    @cached_property
    def for_record(self) -> "Policy":
        """The policy for what is kept: whatever this one finds is taken out for good, wherever it stands."""
        return Policy(self._rules.all_redacted)

    def request(self, text: str, vault: Vault) -> Verdict:
        """Judge what a caller sends."""
        return self._judge(text, "request", vault)

    def passage(self, text: str, vault: Vault) -> Verdict:
        """Judge what was retrieved for the model to read."""
        return self._judge(text, "passage", vault)

    def response(self, text: str, vault: Vault) -> Verdict:
        """Judge a whole answer; what was taken out of the request reversibly is put back last."""
        verdict = self._judge(text, "response", vault)
        if not vault.is_reversible or verdict.blocked:
            return verdict
        return Verdict(vault.restore(verdict.text, json=is_json(text)), verdict.findings, blocked=False)

    def changes(self, side: Side) -> bool:
        """Whether any rule redacts or blocks on this side: then nothing may pass that it cannot read."""
        rules = [self._rules.denylist, *(self._rules.pii.of(kind) for kind in KINDS)]
        blocks = self._rules.injection.action == "block" and side in self._rules.injection.sides
        return blocks or any(rule.action in ("redact", "block") and side in rule.sides for rule in rules)

    def hold_from(self, shadow: str) -> int:
        """From which place on the end of a shadow could still become a match; its length where it could not."""
        start = max(0, len(shadow) - _TAIL_LOOK)
        found = self._tail.search(shadow, start)
        return found.start() if found else len(shadow)

    def matches(self, shadow: str, side: Side, vault: Vault) -> list[Match]:
        """What meets a rule, from left to right; what lies inside of personal data of one kind is no data of another."""
        asked = side == "request"  # only what the caller has said may be said to the caller again
        found: list[Match] = []
        for kind, rule in (self._kinds if _has_digit(shadow) else self._kinds_without_digits)[side]:
            for start, end in find(kind, shadow):
                if not any(other.start <= start and end <= other.end for other in found):
                    found.append(Match(start, end, f"pii.{kind}", rule.action, asked and rule.reversible))
        denied = self._rules.denylist
        if self._denied is not None and side in denied.sides:
            ours = vault.placeholders_in(shadow)
            for match in self._denied.finditer(shadow):
                start, end = match.span()
                if not any(first <= start and end <= last for first, last in ours):
                    found.append(Match(start, end, _DENYLIST, denied.action, asked and denied.reversible))
        found.sort(key=lambda match: (match.start, -match.end))
        return found

    def _judge(self, text: str, side: Side, vault: Vault) -> Verdict:
        json = is_json(text)
        shadow = shadow_of(text, json=json)
        found = self.matches(shadow.text, side, vault)
        findings = list(tally(found, side)) if found else []
        injection = self._rules.injection
        if injection.action != "off" and side in injection.sides:
            count = suspicious(shadow.text, passage=side == "passage")
            if count:
                findings.append(Finding(_INJECTION, injection.action, side, count))
        if not findings and not found:  # as most texts
            return Verdict(text, (), blocked=False)
        if any(finding.action == "block" for finding in findings):
            return Verdict("", tuple(findings), blocked=True)
        spans = [(shadow.place(match.start), shadow.end(match.end), match) for match in found]
        return Verdict(redacted(text, spans, vault, Quoting() if json else None), tuple(findings), blocked=False)


def tally(found: Iterable[Match], side: Side) -> Iterable[Finding]:
    """Findings of matches: how often each rule was met."""
    counts = Counter((match.rule, match.action) for match in found)
    return (Finding(rule, action, side, n) for (rule, action), n in counts.items() if action != "off")


def redacted(text: str, spans: Sequence[tuple[int, int, Match]], vault: Vault, quoting: Quoting | None = None) -> str:
    """The text with placeholders for what is to be redacted.

    Parameters
    ----------
    spans : places of the text, from left to right.
    quoting : where the text begins, if it is JSON; read to its end.
    """
    pieces: list[str] = []
    done = 0
    for start, end, match in spans:
        if match.action != "redact" or end <= done:
            continue
        kept, gone = text[done : max(start, done)], text[max(start, done) : end]
        done = end
        if quoting is None:
            pieces += (kept, vault.placeholder(match.rule, gone, reversible=match.reversible))
            continue
        quoting.read(kept)
        placeholder = vault.placeholder(match.rule, unescaped(gone), reversible=match.reversible)
        pieces += (kept, quoting.quoted(placeholder))
        quoting.read(gone)
    if quoting is not None:
        quoting.read(text[done:])
    return text if not pieces else "".join((*pieces, text[done:]))
