"""Prometheus metrics of questions."""

from collections.abc import Iterable

from prometheus_client import Counter

_answers = Counter(
    "ml_guard_query_answers",
    "Questions answered or declined, by kind of search.",
    ["route", "retrieval", "outcome"],
)
_faults = Counter(
    "ml_guard_query_faults",
    "Answers with text withheld, because no source supports it or the policy blocks it.",
    ["route", "fault"],
)


def count_answer(route: str, retrieval: str, *, declined: bool, faults: Iterable[str]) -> None:
    """Count an answer and its faults."""
    _answers.labels(route, retrieval, "declined" if declined else "answered").inc()
    for fault in faults:
        _faults.labels(route, fault).inc()
