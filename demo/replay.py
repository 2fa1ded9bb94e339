"""The replay of one step: events or predictions, labels when the flights had landed, and waiting for what follows.

Nothing here starts a run or moves an alias: the sensors, the rule and the gate do. Only the first training is asked for.
"""

import time
from collections.abc import Mapping
from typing import Any

import pandas as pd
from ml_guard import ApiError, BatchResult, MLGuardClient

from demo.days import is_done, news_of, wait_until
from demo.failure import DemoFailedError
from demo.flights import ZONE
from demo.progress import Progress
from demo.sending import MODEL_ID, predict, send, send_labels
from demo.steps import Step

Json = dict[str, Any]
_CONFLICT = 409
_POLL_S = 0.5
_FOLLOWED_S = 1.2  # the demo's server looks every second
_TRAINING_S = 300.0
_ACTIVE = ("open", "training")


def send_first(
    client: MLGuardClient, step: Step, project_id: str, progress: Progress
) -> tuple[BatchResult, BatchResult]:
    """Events and labels of the days before there was a model."""
    # Labels wait for their events: sent first, they make each day news once instead of twice.
    labels = send_labels(client, step.departures, project_id, progress)
    return send(client, step.departures, project_id, progress), labels


def train_first(client: MLGuardClient, step: Step, project_id: str, progress: Progress) -> str:
    """Ask for the first training as of the step's end, unless there is a version already; returns the champion's version."""
    if not client.versions(project_id, MODEL_ID):
        end = pd.Timestamp(step.days[-1], tz=ZONE) + pd.DateOffset(days=1)
        try:
            client.force_retraining(project_id, MODEL_ID, reason="the first model", as_of=end.isoformat())
        except ApiError as error:
            if error.status != _CONFLICT:  # an earlier demo has asked, and was stopped
                raise
    if wait_for_trainings(client, project_id, progress):
        time.sleep(_FOLLOWED_S)
    return champion(client, project_id)


def predict_step(
    client: MLGuardClient, step: Step, project_id: str, progress: Progress
) -> tuple[set[str], BatchResult]:
    """Predictions and labels of a step; what an earlier demo has predicted stays."""
    known = {item["day"]: item["events"] for item in news_of(client, project_id, MODEL_ID, step.days)()}
    labels = send_labels(client, step.departures, project_id, progress)  # first, as in `send_first`
    versions: set[str] = set()
    if any(known.get(day, 0) < count for day, count in step.counts.items()):
        versions = predict(client, step.departures, project_id, progress)
    return versions, labels


def wait_for_days(client: MLGuardClient, step: Step, project_id: str, progress: Progress) -> None:
    """Return when the step's days are measured and the rule has been applied, and no training is under way."""
    news = news_of(client, project_id, MODEL_ID, step.days)
    wait_until(is_done(step.counts), step.days, "measured", news=news, progress=progress)
    if wait_for_trainings(client, project_id, progress):
        time.sleep(_FOLLOWED_S)  # a champion that has just been made answers at the next look


def wait_for_trainings(client: MLGuardClient, project_id: str, progress: Progress) -> bool:
    """Return when no flag is active: whether one was.

    Raises
    ------
    DemoFailedError
        Where a training was given up, or takes too long.
    """
    began, waited = time.monotonic(), False
    while True:
        flags = client.flags(project_id, MODEL_ID)
        active = [flag for flag in flags if flag["state"] in _ACTIVE]
        if not active:
            break
        if time.monotonic() - began > _TRAINING_S:
            raise DemoFailedError(f"flag {active[0]['id']} is {active[0]['state']} for {_TRAINING_S:.0f} s")
        error = f", last error: {active[0]['error']}" if active[0]["error"] else ""
        progress.update(f"flagged on {active[0]['day']}, {active[0]['state']}{error}")
        time.sleep(_POLL_S)
        waited = True
    if flags and flags[0]["state"] == "failed":
        raise DemoFailedError(f"a training was given up: {flags[0]['error']}")
    return waited


def champion(client: MLGuardClient, project_id: str) -> str:
    """The version that answers.

    Raises
    ------
    DemoFailedError
        Where there is none: with what the gate said about the newest version.
    """
    versions = client.versions(project_id, MODEL_ID)
    found = [version["version"] for version in versions if "champion" in version["aliases"]]
    if not found:
        reasons = "; ".join(versions[0]["reasons"]) if versions else "nothing was trained"
        raise DemoFailedError(f"there is no champion: {reasons}")
    return str(found[0])


def flags_by_day(client: MLGuardClient, project_id: str) -> Mapping[str, Json]:
    """The flags by the day that raised them."""
    return {flag["day"]: flag for flag in client.flags(project_id, MODEL_ID)}
