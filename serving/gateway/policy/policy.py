"""A policy applied to text: its findings, and the text after redaction. Rules are in `rules`, streams in `stream`."""

import hashlib
import re
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Final, Literal, get_args

import msgspec

from serving.gateway.policy.injection import count_injections
from serving.gateway.policy.injection_classifier import injection_classifier
from serving.gateway.policy.normal_text import is_json, normal_text_of
from serving.gateway.policy.personal import FINDERS, GROUPED, KINDS, WITHOUT_DIGITS, Finder, Kind
from serving.gateway.policy.quoting import Quoting, unescape
from serving.gateway.policy.readings import complete_end, readings_of
from serving.gateway.policy.rules import Action, PolicyRules, Rule, Side
from serving.gateway.policy.terms import terms_pattern, terms_tail
from serving.gateway.policy.vault import Vault

_DENYLIST = "denylist"
_INJECTION = "injection"
_CLASSIFIED = "injection.classifier"
INJECTIONS: Final = frozenset({_INJECTION, _CLASSIFIED})
"""Rules of findings of prompt injection."""
_UNREAD = "unread"
_SIDES: Final[tuple[Side, ...]] = get_args(Side)
# Ends of a text that more text could turn into a match: a word, a number, an IBAN, the first line of a private key.
_TAILS = (
    r"\S{1,512}",
    r"[-+(]?\d(?:[\d\s()/.|_*`~-]|<[^<>]{0,80}>){0,96}(?:<[^<>]{0,80})?",
    r"(?<![^\s\[(\"':])[a-z0-9+][ ._/|\n\t-](?:[a-z0-9@.+-][ ._/|\n\t-]){1,66}[a-z0-9@.+-]?",  # letters with a separator after each
    r"[^\s<>]{0,64}(?:<[^<>]{0,80}>[^\s<>]{0,64}){1,8}(?:<[^<>]{0,80})?",  # a word with tags in it
    r"[^\s<>]{0,64}<[^<>]{0,80}",
    r"[a-z]{2}\d{2}[a-z0-9 -]{0,68}",
    r"-----[a-z -]{0,48}",
)
_has_digit = re.compile("[0-9]").search
_NAMES = 256  # names of models whose check is cached
_TAIL_LENGTH = 640  # characters at the end that are searched: more than the longest tail


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that matched, how often, and its action; never the matched text."""

    rule: str
    action: Literal["flag", "redact", "block"]
    side: Side
    count: int


class Verdict(msgspec.Struct, frozen=True):
    """The result of a check: the text as it may be passed on, and its findings; empty if blocked."""

    text: str
    findings: tuple[Finding, ...]
    blocked: bool


@dataclass(frozen=True, slots=True)
class Match:
    """A span of a normal text that matches a rule."""

    start: int
    end: int
    rule: str
    action: Action
    reversible: bool


class _Search(msgspec.Struct, frozen=True):
    """The search for a kind of personal data on one side, and what becomes of its matches."""

    kind: Kind
    find: Finder
    rule: str
    action: Action
    reversible: bool


class Policy:
    """Compiled rules; immutable, safe to share between requests."""

    def __init__(self, rules: PolicyRules) -> None:
        self._rules = rules
        denylist = rules.denylist
        self._denylist = terms_pattern(denylist.terms) if denylist.terms and denylist.action != "off" else None
        self._tail = re.compile(f"(?:{'|'.join((*_TAILS, *terms_tail(denylist.terms)))})\\Z")
        self._searches = {side: tuple(_searches(rules, side)) for side in _SIDES}
        self._searches_without_digits = {
            side: tuple(search for search in searches if search.kind in WITHOUT_DIGITS)
            for side, searches in self._searches.items()
        }
        self.hash = hashlib.sha256(msgspec.json.encode(rules.model_dump(), order="deterministic")).hexdigest()
        """SHA-256 of the rules, hexadecimal: for the ledger."""
        self.is_clean_name = lru_cache(_NAMES)(self._is_clean_name)
        """Return whether no rule finds anything in a model's name; cached, because callers repeat a few names."""

    @cached_property
    def for_record(self) -> "Policy":
        """Return the policy for stored texts: it redacts every finding of this policy irreversibly, on every side."""
        return Policy(self._rules.all_redacted)

    def request(self, text: str, vault: Vault) -> Verdict:
        """Check a text that a caller sends."""
        return self._check(text, "request", vault)

    def passage(self, text: str, vault: Vault) -> Verdict:
        """Check a text retrieved for the model to read."""
        return self._check(text, "passage", vault)

    def response(self, text: str, vault: Vault) -> Verdict:
        """Check a whole answer, then restore the values that were redacted reversibly in the request."""
        verdict = self._check(text, "response", vault)
        if not vault.is_reversible or verdict.blocked:
            return verdict
        return Verdict(vault.restore(verdict.text, json=is_json(text)), verdict.findings, blocked=False)

    def _is_clean_name(self, name: str) -> bool:
        return not self.request(name, Vault()).findings

    def unread(self, parts: Mapping[str, int]) -> tuple[Finding, ...]:
        """Return the findings on the parts of a request that cannot be read, with their number by kind."""
        action = self._rules.unread.action
        if action == "off":
            return ()
        return tuple(Finding(f"{_UNREAD}.{kind}", action, "request", count) for kind, count in parts.items())

    def changes(self, side: Side) -> bool:
        """Return whether any rule redacts or blocks on this side: then nothing may pass that the policy cannot read."""
        rules = [self._rules.denylist, *(self._rules.pii.of(kind) for kind in KINDS)]
        blocks = self._rules.injection.action == "block" and side in self._rules.injection.sides
        return blocks or any(rule.action in ("redact", "block") and side in rule.sides for rule in rules)

    def hold_from(self, normal: str) -> int:
        """Return the start of the tail that more text could turn into a match; the length of the normal text if there is none."""
        start = max(0, len(normal) - _TAIL_LENGTH)
        hold = self._tail_start(normal, start)
        tail = normal[start:]
        complete = tail[: complete_end(tail)]
        if len(complete) < len(tail):
            hold = min(hold, start + self._tail_start(complete, 0) if complete else start)
        for reading in readings_of(complete, has_digit=False):
            place = self._tail_start(reading.text, reading.begin)
            if place < len(reading.text) and reading.places[-1] == len(complete) - 1:
                hold = min(hold, start + reading.places[place])
        return hold

    def _tail_start(self, normal: str, start: int) -> int:
        tail = self._tail.search(normal, start)
        return tail.start() if tail else len(normal)

    def matches(self, normal: str, side: Side, vault: Vault, begin: int = 0) -> list[Match]:
        """Find the matches of all rules, from left to right; a match inside of personal data of another kind does not count.

        Parameters
        ----------
        begin : place of the normal text before which no match may start; what is there is context only.
        """
        has_digit = _has_digit(normal, begin) is not None
        matches = self._matches_in(normal, side, vault, begin, has_digit=has_digit)
        for reading in readings_of(normal, has_digit=has_digit):
            kinds = GROUPED if reading.grouped else None
            first = reading.begin_at(begin)
            digits = has_digit and _has_digit(reading.text) is not None
            for match in self._matches_in(reading.text, side, vault, first, kinds, has_digit=digits):
                if not reading.touches(match.start, match.end):
                    continue
                start, end = reading.span(match.start, match.end)
                if not any(other.start <= start and end <= other.end for other in matches):
                    matches = [other for other in matches if not (start <= other.start and other.end <= end)]
                    matches.append(replace(match, start=start, end=end))
        matches.sort(key=lambda match: (match.start, -match.end))
        return matches

    def _matches_in(
        self,
        normal: str,
        side: Side,
        vault: Vault,
        begin: int,
        kinds: Container[Kind] | None = None,
        *,
        has_digit: bool,
    ) -> list[Match]:
        """Find the matches in one reading of a text; of some kinds only, unless they are None."""
        matches: list[Match] = []
        for search in (self._searches if has_digit else self._searches_without_digits)[side]:
            if kinds is not None and search.kind not in kinds:
                continue
            for start, end in search.find(normal, begin):
                if not any(other.start <= start and end <= other.end for other in matches):
                    matches.append(Match(start, end, search.rule, search.action, search.reversible))
        denylist = self._rules.denylist
        if kinds is None and self._denylist is not None and side in denylist.sides:
            reversible = _is_reversible(denylist, side)
            placeholders = vault.placeholders_in(normal)
            for match in self._denylist.finditer(normal, begin):
                start, end = match.span()
                if not any(first <= start and end <= last for first, last in placeholders):
                    matches.append(Match(start, end, _DENYLIST, denylist.action, reversible))
        return matches

    def find_across(
        self, text: str, bounds: Sequence[tuple[int, int]], vault: Vault
    ) -> tuple[list[tuple[int, int, str]], tuple[Finding, ...]]:
        """Find what crosses the borders of joined texts of a request.

        Parameters
        ----------
        bounds : start and end of each text.

        Returns
        -------
        Start, end and placeholder of each match to redact, from left to right without overlap; and the findings.
        """
        normal = normal_text_of(text)
        crossing: list[tuple[int, int, Match]] = []
        for match in self.matches(normal.text, "request", vault):
            start, end = normal.place(match.start), normal.end(match.end)
            is_inside = any(first <= start and end <= last for first, last in bounds)
            if not is_inside and (not crossing or crossing[-1][1] <= start):
                crossing.append((start, end, match))
        findings = tuple(tally((match for _, _, match in crossing), "request"))
        return [
            (start, end, vault.placeholder(match.rule, text[start:end], reversible=False))
            for start, end, match in crossing
            if match.action == "redact"
        ], findings

    def _check(self, text: str, side: Side, vault: Vault) -> Verdict:
        json = is_json(text)
        normal = normal_text_of(text, json=json)
        matches = self.matches(normal.text, side, vault)
        findings = list(tally(matches, side)) if matches else []
        findings += self._injections(normal.text, side)
        if not findings and not matches:  # the case of most texts
            return Verdict(text, (), blocked=False)
        if any(finding.action == "block" for finding in findings):
            return Verdict("", tuple(findings), blocked=True)
        spans = [(normal.place(match.start), normal.end(match.end), match) for match in matches]
        return Verdict(redact(text, spans, vault, Quoting() if json else None), tuple(findings), blocked=False)

    def _injections(self, normal: str, side: Side) -> Sequence[Finding]:
        """Return the finding of the patterns, or of the classifier where they have none."""
        rule = self._rules.injection
        if rule.action == "off" or side not in rule.sides:
            return ()
        count = count_injections(normal, passage=side == "passage")
        if count:
            return (Finding(_INJECTION, rule.action, side, count),)
        if rule.threshold < 1 and injection_classifier().probability(normal) > rule.threshold:
            return (Finding(_CLASSIFIED, rule.action, side, 1),)
        return ()


def _searches(rules: PolicyRules, side: Side) -> Iterable[_Search]:
    for kind in KINDS:
        rule = rules.pii.of(kind)
        if rule.action != "off" and side in rule.sides:
            yield _Search(kind, FINDERS[kind], f"pii.{kind}", rule.action, _is_reversible(rule, side))


def _is_reversible(rule: Rule, side: Side) -> bool:
    return side == "request" and rule.reversible  # only values that the caller sent may be restored for the caller


def tally(matches: Iterable[Match], side: Side) -> Iterable[Finding]:
    """Count matches by rule and action."""
    counts = Counter((match.rule, match.action) for match in matches)
    return (Finding(rule, action, side, n) for (rule, action), n in counts.items() if action != "off")


def redact(text: str, spans: Sequence[tuple[int, int, Match]], vault: Vault, quoting: Quoting | None = None) -> str:
    """Replace matches of redacting rules with placeholders.

    Parameters
    ----------
    spans : start, end and match of each span of the text, from left to right.
    quoting : the state at the start of the text, if it is JSON; advanced to its end.
    """
    pieces: list[str] = []
    done = 0
    for match_start, match_end, match in spans:
        if match.action != "redact" or match_end <= done:
            continue
        start, end = max(match_start, done), match_end
        if quoting is None:
            pieces += (text[done:start], vault.placeholder(match.rule, text[start:end], reversible=match.reversible))
        else:
            start, end = quoting.widen(text, done, (start, end))
            original = text[start:end]
            placeholder = vault.placeholder(match.rule, unescape(original), reversible=match.reversible)
            pieces += (text[done:start], quoting.quote(placeholder))
            quoting.read(original)
        done = end
    if quoting is not None:
        quoting.read(text[done:])
    return text if not pieces else "".join((*pieces, text[done:]))
