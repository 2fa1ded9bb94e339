"""What Prometheus reads of questions."""

from collections.abc import Iterable

from prometheus_client import Counter

_answers = Counter(
    "ml_guard_query_answers",
    "Questions that were answered or declined, by how their passages were found.",
    ["route", "retrieval", "outcome"],
)
_faults = Counter(
    "ml_guard_query_faults",
    "Answers of which something was kept back, because no source bears it or the policy forbids it.",
    ["route", "fault"],
)


def answered(route: str, retrieval: str, *, declined: bool, faults: Iterable[str]) -> None:
    """Count an answer."""
    _answers.labels(route, retrieval, "declined" if declined else "answered").inc()
    for fault in faults:
        _faults.labels(route, fault).inc()
