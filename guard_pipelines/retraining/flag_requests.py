"""From active flags to run requests: one run per attempt; a run that ended without finishing its flag counts as failed.

A flag is counted as failed here and nowhere else, so that a killed run counts as well as one that raised an error. A flag without
enough labelled rows is held back: no run could succeed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import dagster as dg
from dagster import DagsterInstance, RunsFilter

from guard_core.days import local_days, now_us
from guard_core.project_settings.project import settings_of_model
from guard_core.project_settings.training import TrainingSpec
from guard_core.settings import Settings
from guard_pipelines.partitions import key_of_model
from guard_pipelines.retraining.training_data import shortage_of_flag
from guard_pipelines.runs import is_running
from guard_pipelines.tags import ATTEMPT, FLAG, TRAININGS_LAST, request_id_tag, subject_tags
from guard_store.db.database import Database
from guard_store.lake.store import Lake
from guard_store.projects.store import ProjectStore
from guard_store.retraining.decisions import Actor
from guard_store.retraining.flag import Flag
from guard_store.retraining.flags import FlagStore

_IN_DAGSTER = Actor("dagster", "admin", None)  # Dagster's pages have no sign-in


@dataclass(frozen=True, slots=True)
class FlagRequests:
    """The runs to request, for which models, and why other flags wait."""

    requests: Sequence[dg.RunRequest]
    models: Sequence[tuple[str, str]]
    waiting: str


def request_flags(
    database: Database, lake: Lake, settings: Settings, instance: DagsterInstance, at_us: int | None = None
) -> FlagRequests:
    """Request a run of each flag that is due and has enough rows; count runs that ended without finishing their flag as failed."""
    store = FlagStore(database)
    at = now_us() if at_us is None else at_us
    ready: list[Flag] = []
    reasons: list[str] = []
    for flag in store.active_flags():
        runs = instance.get_runs(RunsFilter(tags={FLAG: flag.id, ATTEMPT: str(flag.attempts)}), limit=1)
        run_id = runs[0].run_id if runs else flag.dagster_run_id
        if run_id is None:
            if flag.due_us > at:
                reasons.append(f"{_name(flag)} waits for attempt {flag.attempts + 1}{_in_parentheses(flag.error)}")
            elif shortage := _find_shortage(database, lake, flag):
                store.hold_back(flag, shortage, settings)
                reasons.append(f"{_name(flag)} is held back: {shortage}")
            else:
                ready.append(flag)
        elif is_running(instance, run_id):
            reasons.append(f"{_name(flag)} is being trained by run {run_id}")
        else:
            state = store.fail(flag, _find_error(instance, run_id), settings)
            reasons.append(f"run {run_id} of {_name(flag)} ended without finishing; its flag is {state} now")
    requests = [_request(flag) for flag in ready]
    keys = [(flag.project_id, flag.model_id) for flag in ready]
    return FlagRequests(requests, keys, "; ".join(reasons) or "no model is flagged for retraining")


def force_flag(database: Database, key: tuple[str, str], reason: str) -> Flag:
    """Raise a flag of a model as of now on request of a person in Dagster, on record; return the active one if there is one.

    Raises
    ------
    LookupError
        If the project does not exist.
    """
    project = ProjectStore(database).get(key[0])
    if project is None:
        raise LookupError(f"there is no project {key[0]!r}: choose a partition project/model that exists")
    store, as_of_us = FlagStore(database), now_us()
    day = local_days(project.timezone).of(as_of_us - 1).isoformat()
    flag = store.force(*key, day, as_of_us=as_of_us, reason=reason, actor=_IN_DAGSTER) or store.active(*key)
    if flag is None:  # finished meanwhile
        raise LookupError(f"{key_of_model(*key)} had an active flag until now: try again")
    return flag


def hold_back_short_flag(database: Database, lake: Lake, settings: Settings, key: tuple[str, str]) -> str | None:
    """Hold back a model's open flag that lacks labelled rows, and return what is missing; None if it can be trained."""
    store = FlagStore(database)
    flag = store.active(*key)
    if flag is None or flag.state != "open" or (shortage := _find_shortage(database, lake, flag)) is None:
        return None
    store.hold_back(flag, shortage, settings)
    return shortage


def _find_shortage(database: Database, lake: Lake, flag: Flag) -> str | None:
    project = ProjectStore(database).get(flag.project_id)
    if project is None:  # the run fails with that reason
        return None
    spec = settings_of_model(project.settings, flag.model_id, TrainingSpec)
    return shortage_of_flag(lake, flag, project.timezone, spec)


def _in_parentheses(error: str | None) -> str:
    return "" if error is None else f" ({error})"


def _request(flag: Flag) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=f"{flag.id}/{flag.attempts}",
        partition_key=key_of_model(flag.project_id, flag.model_id),
        tags={
            **TRAININGS_LAST,
            FLAG: flag.id,
            ATTEMPT: str(flag.attempts),
            **request_id_tag([flag.request_id]),
            **subject_tags([(flag.project_id, flag.model_id)], [flag.day]),
        },
    )


def _find_error(instance: DagsterInstance, run_id: str) -> str:
    """Find the error of an ended run in its log."""
    events = instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.STEP_FAILURE, limit=1).records
    for record in events:
        event = record.event_log_entry.dagster_event
        error = None if event is None else event.step_failure_data.error
        if error is not None:
            # Dagster's own error is only that a step failed; its cause is what the step raised.
            return (error.cause or error).message.strip()
    run = instance.get_run_by_id(run_id)
    return f"run {run_id} ended as {run.status.value if run else 'unknown'} without an error of a step"


def _name(flag: Flag) -> str:
    return key_of_model(flag.project_id, flag.model_id)
