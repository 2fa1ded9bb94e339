"""Failures of the pipelines themselves, and models without events, as facts for alerts."""

from collections.abc import Collection, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from guard_core.alerting import links
from guard_core.alerting.alert_state import Alert
from guard_core.alerting.policy import Policy
from guard_core.alerting.words import counted
from guard_core.days import from_microseconds, known_zone, now_us
from guard_core.settings import Settings
from guard_core.units import HOUR_US
from guard_pipelines.alerts.stage import write_pipeline_fact
from guard_pipelines.tags import days_of, range_tags
from guard_store.alerts.facts import key_of
from guard_store.alerts.policies import PolicyStore
from guard_store.alerts.policy_evaluations import PolicyEvaluationStore
from guard_store.alerts.store import AlertStore
from guard_store.day_state.day_state import DayState
from guard_store.day_state.store import DayStateStore
from guard_store.db.database import Database
from guard_store.projects.store import ProjectStore

_KIND = "pipeline_failure"
_SUBJECT = "pipeline/"
_ASSETS = "assets"
_FAILED_DAYS = "failed_days"
_MAX_ERROR_CHARACTERS = 300
_MAX_HOURS = 72  # more are given in days


def record_failed_run(
    database: Database, *, run_id: str, title: str, assets: AbstractSet[str], days: Collection[str], error: str
) -> int:
    """Write that a run failed as a whole: a fact for each project with unprocessed days in it, or one for the whole installation.

    Parameters
    ----------
    title : what has run, such as `the job daily`.
    """
    subject = f"{_SUBJECT}{title.removeprefix('the job ')}"
    waiting = [item for item in DayStateStore(database).of_days(days) if not item.done]
    projects = sorted({item.project_id for item in waiting}) or [""]
    with database.write() as connection:
        for project_id in projects:
            n = sum(item.project_id == project_id for item in waiting)
            waiting_days = f"{counted(n, 'model-day')} not processed yet; they are retried automatically"
            write_pipeline_fact(
                connection,
                project_id,
                None,
                "fires",
                kind=_KIND,
                subject=subject,
                dedup_key=key_of("pipeline", subject, run_id, project_id),
                message=f"A run of {title} has failed: {error[:_MAX_ERROR_CHARACTERS]}",
                details={
                    "run_id": run_id,
                    "lines": [waiting_days] if n else [],
                    "links": links.of_run(run_id),
                    _ASSETS: sorted(assets),
                    _FAILED_DAYS: [min(days), max(days)] if days else [],
                },
            )
    return len(projects)


def record_finished_run(database: Database, run_id: str, assets: AbstractSet[str]) -> None:
    """Clear the alerts on failed runs of assets that a run has now covered, except where days of theirs still wait."""
    store = AlertStore(database)
    failing = [a for p in ["", *(p.id for p in ProjectStore(database).page())] for a in store.open_of(p, "")]
    for alert in failing:
        failed = set(alert.details.get(_ASSETS, ()))
        if alert.subject.startswith(_SUBJECT) and failed and failed <= assets and not _is_waiting(database, alert):
            key = key_of(alert.subject, run_id, alert.id)
            _clear(database, alert.project_id, None, alert.subject, key, "A later run has succeeded.")


def _is_waiting(database: Database, alert: Alert) -> bool:
    """Return whether days of the failed run are not processed; those that failed on their own have an alert of their own."""
    failed_days = alert.details.get(_FAILED_DAYS)
    items = DayStateStore(database).of_days(days_of(range_tags(*failed_days))) if failed_days else []
    return any(item.project_id == alert.project_id and not item.done and not item.failed for item in items)


def record_failed_days(database: Database, settings: Settings, run_id: str, days: Collection[str]) -> None:
    """Write which models have a day that is given up; clear the alerts of those that no longer have one."""
    given_up: dict[tuple[str, str], Any] = {}
    items = DayStateStore(database).of_days(days)
    for item in items:
        if item.failed and item.attempts > settings.pipelines.retries:
            given_up[item.key[:2]] = item
    with database.write() as connection:
        for (project_id, model_id), item in given_up.items():
            write_pipeline_fact(
                connection,
                project_id,
                model_id,
                "fires",
                kind=_KIND,
                subject="days",
                day=item.day,
                dedup_key=key_of("days", *item.key, run_id),
                message=_describe_given_up(item),
                details={
                    "run_id": run_id,
                    "since_day": item.day,
                    "links": links.of_run(run_id) | _days_link(project_id, model_id),
                },
            )
    for project_id, model_id in sorted({item.key[:2] for item in items} - set(given_up)):
        open_alerts = [a for a in AlertStore(database).open_of(project_id, model_id) if a.subject == "days"]
        models = DayStateStore(database).models(project_id) if open_alerts else []
        if open_alerts and not any(m.failed_days for m in models if m.model_id == model_id):
            _clear(
                database,
                project_id,
                model_id,
                "days",
                key_of("days", run_id, open_alerts[0].id),
                "All days are processed now.",
            )


def record_silence(database: Database, at_us: int | None = None) -> int:
    """Write which models had no event for longer than a policy allows, and which have events again; return the facts written."""
    at = now_us() if at_us is None else at_us
    written = 0
    for project in ProjectStore(database).page():
        policies = [p for p in PolicyStore(database).in_force(project.id) if p.enabled and "missing_data" in p.when]
        silent_alerts = [a for a in AlertStore(database).open_of(project.id) if a.kind == "missing_data"]
        open_subjects = {(a.model_id, a.subject) for a in silent_alerts}
        names = {_subject(policy) for policy in policies}
        for alert in silent_alerts:
            if alert.subject not in names:
                message = "No policy covers it any more."
                _clear(database, project.id, alert.model_id, alert.subject, key_of("unasked", alert.id), message)
        if not policies:
            continue
        for model in DayStateStore(database).models(project.id):
            last = PolicyEvaluationStore(database).last_event_us(project.id, model.model_id)
            if last is not None:
                written += _evaluate_silence(
                    database, (project.id, model.model_id), policies, open_subjects, last, at, project.timezone
                )
    return written


def _evaluate_silence(
    database: Database,
    model: tuple[str, str],
    policies: Sequence[Policy],
    open_subjects: set[tuple[str, str]],
    last_us: int,
    at_us: int,
    timezone: str,
) -> int:
    written = 0
    for policy in policies:
        if not policy.covers("missing_data", model[1]):
            continue
        subject = _subject(policy)
        hours = policy.limit("missing_data") or 0.0
        silent = at_us - last_us > hours * HOUR_US
        is_open = (model[1], subject) in open_subjects
        if silent and not is_open:
            with database.write() as connection:
                write_pipeline_fact(
                    connection,
                    *model,
                    "fires",
                    kind="missing_data",
                    subject=subject,
                    dedup_key=key_of("silent", policy.name, *model, last_us),
                    message=_describe_silence(last_us, at_us, hours, timezone),
                    details={"policy": policy.name, "value": (at_us - last_us) / HOUR_US, "links": _days_link(*model)},
                )
            written += 1
        elif not silent and is_open:
            _clear(database, *model, subject, key_of("speaks", policy.name, *model, last_us), "Events arrive again.")
            written += 1
    return written


def _describe_given_up(item: DayState) -> str:
    text = f"The day {item.day} is given up after {counted(item.attempts, 'attempt')} to process it: {item.error}"
    return text[:_MAX_ERROR_CHARACTERS]


def _describe_silence(last_us: int, at_us: int, max_hours: float, timezone: str) -> str:
    hours = (at_us - last_us) / HOUR_US
    since = f"{from_microseconds(last_us).astimezone(known_zone(timezone)):%Y-%m-%d %H:%M} {timezone}"
    silent = f"{hours:.0f} hours" if hours < _MAX_HOURS else f"{hours / 24:.0f} days"
    return f"No events for {silent}, since {since}; {max_hours:g} hours without any are allowed."


def _days_link(project_id: str, model_id: str) -> dict[str, str]:
    return {"Days": f"/api/v1/projects/{project_id}/models/{model_id}/days"}


def _subject(policy: Policy) -> str:
    return f"policy/{policy.name}/missing_data"


def _clear(database: Database, project_id: str, model_id: str | None, subject: str, dedup: str, message: str) -> None:
    kind = "missing_data" if subject.endswith("missing_data") else _KIND
    with database.write() as connection:
        write_pipeline_fact(
            connection,
            project_id,
            model_id,
            "clears",
            kind=kind,
            subject=subject,
            dedup_key=dedup,
            message=message,
            details={},
        )
