"""The replay of one step: send events or predictions and labels, and wait until the pipelines have processed them.

Nothing here starts a run or moves an alias: the sensors, the retrain rule and the promotion rule do. Only the first training
is requested.
"""

import time
from collections.abc import Mapping
from typing import Any

import pandas as pd
from ml_guard import ApiError, BatchResult, MLGuardClient

from demo.days import day_states_of, is_done, wait_until
from demo.failure import DemoFailedError
from demo.flights import ZONE
from demo.progress import Progress
from demo.sending import MODEL_ID, predict, send, send_labels
from demo.steps import Step

Json = dict[str, Any]
_CONFLICT = 409
_POLL_S = 0.5
_RELOAD_S = 1.2  # the demo's server polls the registry every second
_TRAINING_S = 300.0
_ACTIVE = ("open", "training")


def send_first(
    client: MLGuardClient, step: Step, project_id: str, progress: Progress
) -> tuple[BatchResult, BatchResult]:
    """Send events and labels of the days before there was a model."""
    # Labels can be stored before their events. Sent first, they make each day due once instead of twice.
    labels = send_labels(client, step.departures, project_id, progress)
    return send(client, step.departures, project_id, progress), labels


def train_first(client: MLGuardClient, step: Step, project_id: str, progress: Progress) -> str:
    """Request the first training as of the end of the step, unless there is a version; return the champion's version."""
    if not client.versions(project_id, MODEL_ID):
        end = pd.Timestamp(step.days[-1], tz=ZONE) + pd.DateOffset(days=1)
        try:
            client.force_retraining(project_id, MODEL_ID, reason="the first model", as_of=end.isoformat())
        except ApiError as error:
            if error.status != _CONFLICT:  # an earlier demo requested it, and was stopped
                raise
    if wait_for_trainings(client, project_id, progress):
        time.sleep(_RELOAD_S)
    return champion(client, project_id)


def predict_step(
    client: MLGuardClient, step: Step, project_id: str, progress: Progress
) -> tuple[set[str], BatchResult]:
    """Predict the departures of a step and send their labels; predictions of an earlier demo are kept."""
    stored_counts = {item["day"]: item["events"] for item in day_states_of(client, project_id, MODEL_ID, step.days)()}
    labels = send_labels(client, step.departures, project_id, progress)  # first, as in `send_first`
    versions: set[str] = set()
    if any(stored_counts.get(day, 0) < count for day, count in step.counts.items()):
        versions = predict(client, step.departures, project_id, progress)
    return versions, labels


def wait_for_days(client: MLGuardClient, step: Step, project_id: str, progress: Progress) -> None:
    """Wait until the step's days are processed, including the retrain rule, and no training is running."""
    day_states = day_states_of(client, project_id, MODEL_ID, step.days)
    wait_until(is_done(step.counts), step.days, "measured", day_states=day_states, progress=progress)
    if wait_for_trainings(client, project_id, progress):
        time.sleep(_RELOAD_S)  # a new champion is loaded at the server's next poll


def wait_for_trainings(client: MLGuardClient, project_id: str, progress: Progress) -> bool:
    """Wait until no flag is active; return whether one was.

    Raises
    ------
    DemoFailedError
        If a training was given up, or takes too long.
    """
    start, was_active = time.monotonic(), False
    while True:
        flags = client.flags(project_id, MODEL_ID)
        active = [flag for flag in flags if flag["state"] in _ACTIVE]
        if not active:
            break
        if time.monotonic() - start > _TRAINING_S:
            raise DemoFailedError(f"flag {active[0]['id']} is {active[0]['state']} for {_TRAINING_S:.0f} s")
        error = f", last error: {active[0]['error']}" if active[0]["error"] else ""
        progress.update(f"flagged on {active[0]['day']}, {active[0]['state']}{error}")
        time.sleep(_POLL_S)
        was_active = True
    if flags and flags[0]["state"] == "failed":
        raise DemoFailedError(f"a training was given up: {flags[0]['error']}")
    return was_active


def champion(client: MLGuardClient, project_id: str) -> str:
    """Return the version of the champion.

    Raises
    ------
    DemoFailedError
        If there is none; the message gives the reasons of the promotion rule for the newest version.
    """
    versions = client.versions(project_id, MODEL_ID)
    champions = [version["version"] for version in versions if "champion" in version["aliases"]]
    if not champions:
        reasons = "; ".join(versions[0]["reasons"]) if versions else "nothing was trained"
        raise DemoFailedError(f"there is no champion: {reasons}")
    return str(champions[0])


def flags_by_day(client: MLGuardClient, project_id: str) -> Mapping[str, Json]:
    """Return the flags by the day that raised them."""
    return {flag["day"]: flag for flag in client.flags(project_id, MODEL_ID)}
