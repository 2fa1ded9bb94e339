"""What people want to know of a retraining, as facts: asked for, begun, given up, done. All are about the flag.

Each is written in the transaction of what it tells.
"""

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
        message = f"Version {version} was not promoted; version {champion} stays the champion."
        ended = ["retrain_failed"]
    lines = [f"Gate: {reason}."]
    _write(connection, flag, f"retrain_{action}", "clears", message, lines=lines, version=version, clears=ended)


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
    model = f"/api/v1/projects/{flag.project_id}/models/{flag.model_id}"
    links = {"Flag": f"{model}/flags"}
    if "version" in details:
        links = {"Version": f"{model}/versions/{details['version']}"}
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
