"""What people want to know of a retraining, as facts: asked for, begun, given up, done. All of a flag are one alert.

Each is written in the transaction of what it tells.
"""

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from guard_store.alerts.facts import Op, write_alert

if TYPE_CHECKING:
    from guard_store.retrain import Flag

# What a new champion ends: it was learned from the days that these were about, and has a baseline of its own.
_ENDED_BY_CHAMPION = ("drift", "performance", "retrain_failed")


def recommended(connection: Connection, flag: "Flag") -> None:
    """A flag was raised, by the rule or by hand."""
    who = "asked for by hand" if flag.forced else "recommended"
    reasons = "; ".join(reason_text(reason) for reason in flag.reasons)
    _write(connection, flag, "retrain_recommended", "fires", f"Retraining is {who}: {reasons}.")


def started(connection: Connection, flag: "Flag", run_id: str) -> None:
    """A training has begun; further attempts are not told."""
    _write(connection, flag, "retrain_started", "notes", "Retraining has started.", run_id=run_id)


def failed(connection: Connection, flag: "Flag", error: str) -> None:
    """A training was given up."""
    attempts = flag.attempts + 1
    message = f"Retraining has failed {attempts} times and was given up: {error[:300]}"
    _write(connection, flag, "retrain_failed", "fires", message, severity="error", attempts=attempts)


def dismissed(connection: Connection, flag: "Flag", reason: str) -> None:
    """Somebody has decided that nothing is to be trained."""
    _write(connection, flag, "retrain_dismissed", "clears", f"The flag was dismissed: {reason[:300]}")


def finished(
    connection: Connection, flag: "Flag", action: str, *, reason: str, version: str, champion: str | None
) -> None:
    """A training has become a version, and the gate has decided about it."""
    if action == "promoted":
        before = "the first one" if champion is None else f"in place of version {champion}"
        message = f"Version {version} is the champion, {before}."
        ended = list(_ENDED_BY_CHAMPION)
    else:
        message = f"Version {version} was not promoted; {_champion_now(version, champion)}."
        ended = ["retrain_failed"]
    lines = [f"Reason: {reason}."]
    _write(connection, flag, f"retrain_{action}", "clears", message, lines=lines, version=version, clears=ended)


def decided(
    connection: Connection,
    project_id: str,
    model_id: str,
    action: str,
    *,
    reason: str,
    version: str,
    champion: str | None,
    request_id: str | None,
) -> None:
    """Somebody has made a version the champion, or rolled back to it; days are judged by the baseline as before."""
    before = "" if champion is None else f", in place of version {champion}"
    way = "is the champion again: rolled back" if action == "rolled_back" else "was promoted by hand"
    write_alert(
        connection,
        project_id,
        model_id,
        kind=f"retrain_{action}",
        dedup_key=uuid.uuid4().hex,  # each decision is made once
        severity="info",
        message=f"Version {version} {way}{before}.",
        details={
            "version": version,
            "lines": [f"Reason: {reason[:300]}"],
            "links": _links(project_id, model_id, version),
        },
        request_id=request_id,
        op="clears",
        subject=f"champion/{version}",
    )


def _champion_now(version: str, champion: str | None) -> str:
    if champion is None:
        return "there is no champion"
    return "it is the champion by hand" if champion == version else f"version {champion} stays the champion"


def reason_text(reason: Mapping[str, Any]) -> str:
    """Why a flag was raised, in words.

    >>> reason_text({"rule": "age", "age_days": 31, "max_age_days": 30})
    'the champion is 31 days old, 30 are allowed'
    """
    rule = reason["rule"]
    if rule == "age":
        return f"the champion is {reason['age_days']} days old, {reason['max_age_days']} are allowed"
    if rule == "drifted_features":
        names = [name.removeprefix("feature_") for name in reason["features"]]
        return f"{reason['share']:.0%} of the features by importance drift ({', '.join(names)})".replace("%", " %")
    if rule == "prediction_drift":
        return f"{' and '.join(reason['columns'])} drift"
    if rule == "performance":
        return f"{reason['kind']} {reason['metric']} is {reason['value']:.3f}, {reason['baseline']:.3f} in the baseline"
    return str(reason.get("reason") or rule)


def _write(
    connection: Connection,
    flag: "Flag",
    kind: str,
    op: Op,
    message: str,
    *,
    severity: str = "info",
    **details: Any,
) -> None:
    links = _links(flag.project_id, flag.model_id, details.get("version"))
    write_alert(
        connection,
        flag.project_id,
        flag.model_id,
        kind=kind,
        dedup_key=f"{kind}/{flag.id}",
        severity=severity,
        message=message,
        details={"flag_id": flag.id, "links": links, **details},
        request_id=flag.request_id,
        op=op,
        subject=f"retrain/{flag.id}",
        # Without a day: whatever was judged since, this is about what the model is now.
        day=None,
    )


def _links(project_id: str, model_id: str, version: str | None) -> dict[str, str]:
    model = f"/api/v1/projects/{project_id}/models/{model_id}"
    return {"Flag": f"{model}/flags"} if version is None else {"Version": f"{model}/versions/{version}"}
