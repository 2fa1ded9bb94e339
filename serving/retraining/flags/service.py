"""Service behind the retraining routes: outcomes of the retrain rule, and flags raised, acknowledged or dismissed by people.

The rule is `ml.retraining.rule`; starting the training belongs to the pipelines.
"""

from guard_core.days import local_days, microseconds, now_us
from guard_store.day_state.store import DayStateStore
from guard_store.projects.store import Project
from guard_store.retraining.decisions import Actor
from guard_store.retraining.evaluations import EvaluationStore
from guard_store.retraining.flag import Flag
from guard_store.retraining.flags import RetrainStore
from serving.http.paging import Page, decode_cursor, page_of
from serving.http.problems import Conflict, NotFound, Unprocessable
from serving.monitoring.results.days import Days
from serving.retraining.flags.schemas import AcknowledgeRequest, EvaluationView, FlagView, ForceRequest


class FlagService:
    """Read the outcomes of the retrain rule; list, raise and acknowledge flags."""

    def __init__(self, day_states: DayStateStore, evaluations: EvaluationStore, flags: RetrainStore) -> None:
        self._day_states = day_states
        self._evaluations = evaluations
        self._flags = flags

    def evaluations(
        self, project_id: str, model_id: str, days: Days, cursor: str | None, limit: int
    ) -> Page[EvaluationView]:
        """Return a page of the outcomes of the retrain rule, by day."""
        after_day = decode_cursor(cursor, str, "")
        evaluations = self._evaluations.days(
            project_id, model_id, days.start, days.end, after_day=after_day, limit=limit + 1
        )
        return page_of(
            evaluations,
            limit,
            position=lambda evaluation: evaluation.day,
            item=EvaluationView.of,
            state=lambda: (
                "not_processed" if self._day_states.list(project_id, model_id, "", "~", limit=1) else "no_events"
            ),
        )

    def newest(self, project_id: str, model_id: str, limit: int) -> Page[FlagView]:
        """Return the newest flags of a model, newest first."""
        flags = self._flags.newest(project_id, model_id, limit)
        return Page(items=[FlagView.of(flag) for flag in flags], next_cursor=None, state="ok" if flags else "no_flags")

    def force(self, project: Project, model_id: str, body: ForceRequest, actor: Actor) -> Flag:
        """Raise a flag on request of a person.

        Raises
        ------
        NotFound
            If the model has no events.
        Conflict
            If a flag is already active.
        Unprocessable
            If the instant has no offset or lies in the future.
        """
        if not self._day_states.list(project.id, model_id, "", "~", limit=1):
            raise NotFound(f"Model {model_id!r} has no events: there is nothing to train on.")
        now = now_us()
        as_of = now
        if body.as_of is not None:
            if body.as_of.tzinfo is None or microseconds(body.as_of) > now:
                reason = "needs an offset from UTC, and must not lie in the future"
                raise Unprocessable(f"as_of {reason}.", errors=[{"field": "as_of", "reason": reason}])
            as_of = microseconds(body.as_of)
        day = local_days(project.timezone).of(as_of - 1).isoformat()
        flag = self._flags.force(project.id, model_id, day, as_of_us=as_of, reason=body.reason, actor=actor)
        if flag is None:
            active = self._flags.active(project.id, model_id)
            name = "" if active is None else f" ({active.id}, {active.state})"
            raise Conflict(f"Model {model_id!r} has an active flag already{name}: wait for it, or dismiss it.")
        return flag

    def acknowledge(self, project_id: str, model_id: str, body: AcknowledgeRequest, actor: Actor) -> Flag:
        """Acknowledge or dismiss the active flag of a model.

        Raises
        ------
        NotFound
            If the model has no active flag.
        Conflict
            If the flag is to be dismissed, and its training has begun or is done.
        """
        flag = self._flags.active(project_id, model_id)
        if flag is None:
            raise NotFound(f"Model {model_id!r} has no active retrain flag.")
        acknowledged = self._flags.acknowledge(flag, reason=body.reason, actor=actor, dismiss=body.dismiss)
        if acknowledged is None:
            raise Conflict(f"Flag {flag.id} is being trained for, or done: it cannot be dismissed any more.")
        return acknowledged
