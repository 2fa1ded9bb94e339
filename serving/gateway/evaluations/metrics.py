"""Prometheus metrics of evaluated answers."""

from typing import Literal

from prometheus_client import Counter

_evaluations = Counter(
    "ml_guard_llm_evaluated_answers",
    "Answers of language models chosen to become events, by outcome: stored, duplicate (of an earlier id), failed.",
    ["outcome"],
)
_feedback = Counter("ml_guard_llm_feedback", "Feedback of users on evaluated answers, by value: good, bad.", ["value"])


def count_evaluation(outcome: Literal["stored", "duplicate", "failed"]) -> None:
    """Count an answer that was chosen to become an event."""
    _evaluations.labels(outcome).inc()


def count_feedback(value: str) -> None:
    """Count feedback that was stored."""
    _feedback.labels(value).inc()
