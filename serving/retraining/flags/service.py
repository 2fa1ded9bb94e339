"""Service behind the retraining routes: outcomes of the retrain rule, and flags raised, acknowledged or dismissed by people.

The rule is `ml.retraining.rule`; starting the training belongs to the pipelines.
"""

from guard_core.days import local_days, microseconds, now_us
from guard_core.project_settings.project import settings_of_model
from guard_core.project_settings.training import TrainingSpec
from guard_store.day_state.store import DayStateStore
from guard_store.db.database import Database
from guard_store.projects.store import Project
from guard_store.retraining.decisions import Actor
from guard_store.retraining.evaluations import EvaluationStore
from guard_store.retraining.flag import Flag
from guard_store.retraining.flags import FlagStore
from guard_store.retraining.labelled_rows import count_labelled_rows
from serving.http.paging import Page, decode_cursor, page_of
from serving.http.problems import Conflict, NotFound, Unprocessable
from serving.monitoring.results.days import Days
from serving.retraining.flags.schemas import AcknowledgeRequest, EvaluationView, FlagView, ForceRequest


class FlagService:
    """Read the outcomes of the retrain rule; list, raise and acknowledge flags."""

    def __init__(
        self, database: Database, day_states: DayStateStore, evaluations: EvaluationStore, flags: FlagStore
    ) -> None:
        self._database = database
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
        return Page.whole(map(FlagView.of, flags), empty="no_flags")

    def force(self, project: Project, model_id: str, body: ForceRequest, actor: Actor) -> Flag:
        """Raise a flag on request of a person.

        Raises
        ------
        NotFound
            If the model has no events.
        Conflict
            If a flag is already active, or a training as of the instant would have too few labelled rows.
        Unprocessable
            If the instant has no offset or lies in the future.
        """
        if not self._day_states.list(project.id, model_id, "", "~", limit=1):
            raise NotFound(f"Model {model_id!r} has no events: there is nothing to train on.")
        as_of = _instant(body)
        self._refuse_second(project.id, model_id)
        self._refuse_shortage(project, model_id, as_of)
        day = local_days(project.timezone).of(as_of - 1).isoformat()
        flag = self._flags.force(project.id, model_id, day, as_of_us=as_of, reason=body.reason, actor=actor)
        if flag is None:  # raised meanwhile
            self._refuse_second(project.id, model_id)
            raise Conflict(f"Model {model_id!r} had an active flag until now: try again.")
        return flag

    def _refuse_second(self, project_id: str, model_id: str) -> None:
        active = self._flags.active(project_id, model_id)
        if active is not None:
            name = f"({active.id}, {active.state})"
            raise Conflict(f"Model {model_id!r} has an active flag already {name}: wait for it, or dismiss it.")

    def _refuse_shortage(self, project: Project, model_id: str, as_of_us: int) -> None:
        zone = local_days(project.timezone)
        spec = settings_of_model(project.settings, model_id, TrainingSpec)
        counted = count_labelled_rows(self._database, project.id, model_id, as_of_us, zone, spec)
        shortage = counted.shortage(spec, zone.of(as_of_us - 1))
        if shortage is not None:
            retry = "after labels that were observed before as_of have been sent, with a later as_of, or with a lower training.min_rows"
            raise Conflict(f"Model {model_id!r} cannot be trained: {shortage}.", retry=retry)

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


def _instant(body: ForceRequest) -> int:
    """Return the instant of a request in microseconds, by default the present."""
    now = now_us()
    if body.as_of is None:
        return now
    if body.as_of.tzinfo is None or microseconds(body.as_of) > now:
        reason = "needs an offset from UTC, and must not lie in the future"
        raise Unprocessable(f"as_of {reason}.", errors=[{"field": "as_of", "reason": reason}])
    return microseconds(body.as_of)
