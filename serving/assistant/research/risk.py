"""What speaks against trusting a research: counted, weighed, itemised. Nothing of it is hidden in a model.

score = 1 − Π (1 − weight) ^ min(count, 3) over all rules: 0 where nothing was found, never 1, higher with every finding.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from math import prod
from typing import Any, Final, Literal

from ml.knowledge.wording import content_stems, covered_share, numbers_in, stems_of
from serving.gateway.policy.injection import count_injections
from serving.gateway.policy.policy import Policy
from serving.gateway.policy.shadow import shadow_of
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
_COUNTED_MOST = 3
_MEDIUM, _HIGH = 0.3, 0.6
_AGREES = 0.6  # of a finding's content words, in a passage of another source
_PERSONAL = "pii."


@dataclass(frozen=True, slots=True)
class Read:
    """A text that was read."""

    source: str
    text: str


@dataclass(frozen=True, slots=True)
class Found:
    """A finding and where it stands."""

    text: str
    sources: Sequence[str]


@dataclass(slots=True)
class _Counts:
    n: dict[Rule, int] = field(default_factory=lambda: dict.fromkeys(WEIGHTS, 0))
    where: dict[Rule, set[str]] = field(default_factory=lambda: {rule: set() for rule in WEIGHTS})

    def add(self, rule: Rule, n: int, *where: str) -> None:
        self.n[rule] += n
        self.where[rule].update(where)


def orders_in(*texts: str) -> int:
    """How many phrases of a source try to give orders to a model."""
    return sum(count_injections(shadow_of(text).text, passage=True) for text in texts)


def assess(
    policy: Policy,
    read: Sequence[Read],
    findings: Sequence[Found],
    *,
    unsupported: int,
    unavailable: Sequence[str],
    summed_up: bool,
) -> dict[str, Any]:
    """The risk of a research, itemised.

    Parameters
    ----------
    policy : of the project: which personal data and terms are looked for.
    read : everything that was read, of sources that give orders too.
    unsupported : sentences that were left out.
    unavailable : sources that were not read.
    summed_up : whether findings were wanted at all.
    """
    counts = _Counts()
    turned = {one.source for one in read if orders_in(one.text)}
    counts.add("injection", len(turned), *turned)
    _count_policy(counts, policy, read)
    counts.add("unsupported", unsupported)
    counts.add("unavailable", len(unavailable), *unavailable)
    if summed_up:
        counts.add("no_findings", int(not findings))
        trusted = [one for one in read if one.source not in turned]
        alone = [finding for finding in findings if not _is_said_elsewhere(finding, trusted)]
        counts.add("single_source", len(alone), *(source for finding in alone for source in finding.sources))
        for one, other in combinations(findings, 2):
            if _conflict(one, other):
                counts.add("conflict", 1, *one.sources, *other.sources)
    score = round(1 - prod((1 - WEIGHTS[rule]) ** min(counts.n[rule], _COUNTED_MOST) for rule in WEIGHTS), 4)
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


def _count_policy(counts: _Counts, policy: Policy, read: Iterable[Read]) -> None:
    vault = Vault()
    for one in read:
        for finding in policy.for_record.passage(one.text, vault).findings:
            counts.add("pii" if finding.rule.startswith(_PERSONAL) else "denylist", finding.count, one.source)


def _is_said_elsewhere(finding: Found, read: Iterable[Read]) -> bool:
    if len(set(finding.sources)) > 1:
        return True
    wanted = content_stems(finding.text)
    return any(
        one.source not in finding.sources and covered_share(wanted, stems_of(one.text)) >= _AGREES for one in read
    )


def _conflict(one: Found, other: Found) -> bool:
    """Whether two findings say the same with other numbers."""
    if set(one.sources) & set(other.sources):
        return False
    numbers, others = numbers_in(one.text), numbers_in(other.text)
    if not numbers or not others or numbers & others:
        return False
    return _says(one.text, other.text) and _says(other.text, one.text)


def _says(text: str, other: str) -> bool:
    wanted = {word for word in content_stems(text) if not word.isdigit()}
    return covered_share(wanted, stems_of(other)) >= _AGREES
