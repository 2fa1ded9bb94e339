"""Prometheus metrics of events; correct with several workers.

Labels are bounded: none is a project, a model or a field.
"""

from prometheus_client import Counter, Gauge, Histogram

from guard_store.ingest.rows import StoreEvents
from guard_store.writer.writer import Commit

_events = Counter(
    "ml_guard_events",
    "Events received, by outcome: accepted, duplicate, rejected (the sender's fault), unavailable (ours: send again).",
    ["outcome"],
)
_accepted, _duplicate, _rejected, _unavailable = (
    _events.labels(outcome) for outcome in ("accepted", "duplicate", "rejected", "unavailable")
)
_commits = Counter("ml_guard_event_commits", "Transactions that stored events.")
_commit_rows = Histogram(
    "ml_guard_event_commit_rows", "Rows of a transaction.", buckets=(1, 4, 16, 64, 256, 1_024, 4_096, 16_384)
)
_commit_seconds = Histogram(
    "ml_guard_event_commit_seconds",
    "Seconds from the start of a transaction until it is durable.",
    buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0),
)
_queue_rows = Gauge("ml_guard_event_queue_rows", "Rows that wait for their commit.", multiprocess_mode="livesum")


def count_commit(commit: Commit, queue_rows: int) -> None:
    """Count a transaction of the writer; transactions without events store only labels, calls or ledger entries."""
    _queue_rows.set(queue_rows)
    works = [work for work in commit.works if isinstance(work, StoreEvents)]
    if not commit.is_stored:
        _unavailable.inc(sum(len(work.rows) for work in works))
        return
    accepted = sum(work.outcome.accepted for work in works)
    duplicates = sum(len(work.outcome.duplicates) for work in works)
    if accepted or duplicates:
        _accepted.inc(accepted)
        _duplicate.inc(duplicates)
        _commits.inc()
        _commit_rows.observe(accepted + duplicates)
        _commit_seconds.observe(commit.seconds)


def count_rejections(n: int) -> None:
    """Count events that violate the contract."""
    _rejected.inc(n)


def count_unavailable(n: int) -> None:
    """Count events that are refused because the queue is full."""
    _unavailable.inc(n)
