"""Prometheus metrics of labels; correct with several workers."""

from prometheus_client import Counter

from guard_store.ingest.rows import StoreLabels
from guard_store.writer.writer import Commit

_labels = Counter(
    "ml_guard_labels", "Labels received, by outcome: accepted, duplicate, rejected (the sender's fault).", ["outcome"]
)
_accepted, _duplicate, _rejected = (_labels.labels(outcome) for outcome in ("accepted", "duplicate", "rejected"))


def count_commit(commit: Commit) -> None:
    """Count the labels of a transaction of the writer."""
    works = [work for work in commit.works if isinstance(work, StoreLabels)]
    if works and commit.is_stored:
        _accepted.inc(sum(work.outcome.accepted for work in works))
        _duplicate.inc(sum(len(work.outcome.duplicates) for work in works))


def count_rejections(n: int) -> None:
    """Count labels that violate the contract."""
    _rejected.inc(n)
