"""What happened to a model, as marks on its local days."""

from collections.abc import Iterable, Sequence

from guard_core.alerting.alert_state import Alert
from guard_core.days import LocalDays
from guard_store.monitoring.baselines import Baseline
from guard_store.retraining.decisions import Decision
from guard_store.retraining.flag import Flag
from guard_store.retraining.reasons import reason_text
from serving.monitoring.series.schemas import Mark

_VERSION_ACTIONS = frozenset({"promoted", "rejected", "rolled_back"})


def baseline_marks(baselines: Iterable[Baseline]) -> list[Mark]:
    """Return a mark where each baseline applies from; if it applies to all days, on the last of its window."""
    return [
        Mark(
            day=baseline.from_day or baseline.end_day,
            kind="baseline",
            name=str(baseline.version),
            text=f"{baseline.start_day} to {baseline.end_day}",
            id=baseline.id,
        )
        for baseline in baselines
    ]


def decision_marks(decisions: Iterable[Decision], flags: Sequence[Flag], local_days: LocalDays) -> list[Mark]:
    """Return a mark for each decision about a version."""
    return [
        Mark(
            day=decision_day(decision, flags, local_days),
            kind=decision.action,
            name=decision.version,
            text=decision.reason,
            id=decision.id,
        )
        for decision in decisions
        if decision.action in _VERSION_ACTIONS and decision.version is not None
    ]


def decision_day(decision: Decision, flags: Sequence[Flag], local_days: LocalDays) -> str:
    """Return the local day that a decision applies from.

    A decision of the promotion rule applies from the instant up to which its training has used data: a training on past days
    is decided years later.
    """
    as_of_us = {flag.id: flag.as_of_us for flag in flags}
    return local_days.of(as_of_us.get(decision.details.get("flag_id", ""), decision.decided_us)).isoformat()


def flag_marks(flags: Iterable[Flag]) -> list[Mark]:
    """Return a mark for each retrain flag."""
    return [
        Mark(
            day=flag.day,
            kind="flag",
            name=flag.state,
            text="; ".join(reason_text(reason) for reason in flag.reasons),
            id=flag.id,
        )
        for flag in flags
    ]


def alert_marks(alerts: Iterable[Alert], local_days: LocalDays) -> list[Mark]:
    """Return a mark where the condition of each alert began, or where it was opened."""
    return [
        Mark(
            day=alert.since_day or alert.day or local_days.of(alert.opened_us).isoformat(),
            kind="alert",
            name=alert.kind,
            text=alert.summary,
            id=alert.incident_id,
        )
        for alert in alerts
    ]
