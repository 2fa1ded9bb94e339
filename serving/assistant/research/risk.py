"""The risk of trusting a research: counted, weighted, itemised by rule. No model is involved.

score = 1 − Π (1 − weight) ^ min(count, 3) over all rules: 0 without findings, always below 1, rising with every finding.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from math import prod
from typing import Any, Final, Literal

from ml.knowledge.stems import content_stems, covered_share, numbers_in, stems_of
from serving.gateway.policy.injection import count_injections
from serving.gateway.policy.normal_text import normal_text_of
from serving.gateway.policy.policy import Policy
from serving.gateway.policy.vault import Vault

Rule = Literal["injection", "conflict", "denylist", "no_findings", "pii", "unsupported", "unavailable", "single_source"]
WEIGHTS: Final[Mapping[Rule, float]] = {
    "injection": 0.5,
    "conflict": 0.25,
    "denylist": 0.2,
    "no_findings": 0.2,
    "pii": 0.15,
    "unsupported": 0.1,
    "unavailable": 0.1,
    "single_source": 0.05,
}
MEANINGS: Final[Mapping[Rule, str]] = {
    "injection": "Sources with text that tries to give orders to a model; nothing of them was summed up.",
    "conflict": "Pairs of findings of different sources that say the same with other numbers.",
    "denylist": "Terms of the project's denylist in what was read.",
    "no_findings": "The sources say nothing that could be quoted on the topic.",
    "pii": "Personal data in what was read, of the kinds that the project's policy looks for.",
    "unsupported": "Sentences that were left out because no passage bears them.",
    "unavailable": "Sources that could not be read, or may not be.",
    "single_source": "Findings that no other source says too.",
}
_MAX_COUNT = 3
_MEDIUM, _HIGH = 0.3, 0.6
_AGREEMENT = 0.6  # of a finding's content words, in a passage of another source
_PERSONAL = "pii."


@dataclass(frozen=True, slots=True)
class RiskText:
    """A text read, and its source."""

    source: str
    text: str


@dataclass(frozen=True, slots=True)
class RiskFinding:
    """A finding and its sources."""

    text: str
    sources: Sequence[str]


@dataclass(slots=True)
class _Counts:
    n: dict[Rule, int] = field(default_factory=lambda: dict.fromkeys(WEIGHTS, 0))
    where: dict[Rule, set[str]] = field(default_factory=lambda: {rule: set() for rule in WEIGHTS})

    def add(self, rule: Rule, n: int, *where: str) -> None:
        self.n[rule] += n
        self.where[rule].update(where)


def count_instructions(*texts: str) -> int:
    """Count phrases in texts of a source that are instructions to a model."""
    return sum(count_injections(normal_text_of(text).text, passage=True) for text in texts)


def assess(
    policy: Policy,
    read: Sequence[RiskText],
    findings: Sequence[RiskFinding],
    *,
    unsupported: int,
    unavailable: Sequence[str],
    summed_up: bool,
) -> dict[str, Any]:
    """Assess the risk of a research, itemised by rule.

    Parameters
    ----------
    policy : of the project; it defines the personal data and terms to count.
    read : all texts read, including those of sources that are not trusted.
    unsupported : number of sentences left out because no passage supports them.
    unavailable : sources that could not be read.
    summed_up : whether the step `summarize` was requested.
    """
    counts = _Counts()
    injected = {text.source for text in read if count_instructions(text.text)}
    counts.add("injection", len(injected), *injected)
    _count_policy(counts, policy, read)
    counts.add("unsupported", unsupported)
    counts.add("unavailable", len(unavailable), *unavailable)
    if summed_up:
        counts.add("no_findings", int(not findings))
        trusted = [text for text in read if text.source not in injected]
        unconfirmed = [finding for finding in findings if not _is_confirmed(finding, trusted)]
        counts.add(
            "single_source", len(unconfirmed), *(source for finding in unconfirmed for source in finding.sources)
        )
        for first, second in combinations(findings, 2):
            if _conflict(first, second):
                counts.add("conflict", 1, *first.sources, *second.sources)
    score = round(1 - prod((1 - WEIGHTS[rule]) ** min(counts.n[rule], _MAX_COUNT) for rule in WEIGHTS), 4)
    return {
        "score": score,
        "level": "high" if score >= _HIGH else "medium" if score >= _MEDIUM else "low",
        "items": [
            {
                "rule": rule,
                "weight": weight,
                "count": counts.n[rule],
                "meaning": MEANINGS[rule],
                "sources": sorted(counts.where[rule]),
            }
            for rule, weight in WEIGHTS.items()
        ],
    }


def _count_policy(counts: _Counts, policy: Policy, read: Iterable[RiskText]) -> None:
    vault = Vault()
    for text in read:
        for finding in policy.for_record.passage(text.text, vault).findings:
            counts.add("pii" if finding.rule.startswith(_PERSONAL) else "denylist", finding.count, text.source)


def _is_confirmed(finding: RiskFinding, read: Iterable[RiskText]) -> bool:
    if len(set(finding.sources)) > 1:
        return True
    stems = content_stems(finding.text)
    return any(
        text.source not in finding.sources and covered_share(stems, stems_of(text.text)) >= _AGREEMENT for text in read
    )


def _conflict(first: RiskFinding, second: RiskFinding) -> bool:
    """Return whether findings of different sources agree except for their numbers."""
    if set(first.sources) & set(second.sources):
        return False
    numbers, others = numbers_in(first.text), numbers_in(second.text)
    if not numbers or not others or numbers & others:
        return False
    return _covers(first.text, second.text) and _covers(second.text, first.text)


def _covers(text: str, other: str) -> bool:
    words = {word for word in content_stems(text) if not word.isdigit()}
    return covered_share(words, stems_of(other)) >= _AGREEMENT
