"""What Prometheus reads of labels; correct with several workers."""

from prometheus_client import Counter

from guard_store.writer.rows import Commit

_labels = Counter(
    "ml_guard_labels", "Labels received, by outcome: accepted, duplicate, rejected (the sender's fault).", ["outcome"]
)
_accepted, _duplicate, _rejected = (_labels.labels(outcome) for outcome in ("accepted", "duplicate", "rejected"))


def committed(commit: Commit) -> None:
    """Count a transaction of the writer."""
    if commit.labels_accepted or commit.labels_duplicates:
        _accepted.inc(commit.labels_accepted)
        _duplicate.inc(commit.labels_duplicates)


def rejected(n: int) -> None:
    """Count labels that break the contract."""
    _rejected.inc(n)
