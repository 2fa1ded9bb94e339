"""What was changed at models last: decisions about versions, captured baselines, retrain flags."""

from guard_core.days import from_microseconds
from guard_store.monitoring.baselines import Baseline, BaselineStore
from guard_store.retraining.decisions import Decision, DecisionStore
from guard_store.retraining.flag import Flag
from guard_store.retraining.flags import FlagStore
from guard_store.retraining.reasons import reason_text
from serving.overview.schemas import ChangeView


class ChangeService:
    """Reads the newest changes of all models."""

    def __init__(self, decisions: DecisionStore, baselines: BaselineStore, flags: FlagStore) -> None:
        self._decisions = decisions
        self._baselines = baselines
        self._flags = flags

    def newest(self, limit: int, project_id: str | None) -> list[ChangeView]:
        """Return the newest changes of a project, or of all, newest first."""
        changes = [
            *map(_of_decision, self._decisions.recent(limit, project_id)),
            *map(_of_baseline, self._baselines.recent(limit, project_id)),
            # A flag that a person has raised is a decision, too.
            *(_of_flag(flag) for flag in self._flags.recent(limit, project_id) if not flag.forced),
        ]
        return sorted(changes, key=lambda change: change.at, reverse=True)[:limit]


def _of_decision(decision: Decision) -> ChangeView:
    return ChangeView(
        at=from_microseconds(decision.decided_us),
        project_id=decision.project_id,
        model_id=decision.model_id,
        what=decision.action,
        version=decision.version,
        by=decision.decided_by,
        reason=decision.reason,
    )


def _of_baseline(baseline: Baseline) -> ChangeView:
    return ChangeView(
        at=from_microseconds(baseline.created_us),
        project_id=baseline.project_id,
        model_id=baseline.model_id,
        what="baseline_captured",
        version=str(baseline.version),
        by="rule" if baseline.created_by is None else "person",
        reason=f"days from {baseline.start_day} to {baseline.end_day}",
    )


def _of_flag(flag: Flag) -> ChangeView:
    return ChangeView(
        at=from_microseconds(flag.created_us),
        project_id=flag.project_id,
        model_id=flag.model_id,
        what="retrain_flag_raised",
        version=None,
        by="rule",
        reason="; ".join(map(reason_text, flag.reasons)),
    )
