"""Facts about retraining, for alerts: recommended, started, failed, dismissed, finished, decided by hand.

Each is written in the transaction of its cause; all facts of a flag belong to one alert.
"""

import uuid
from typing import Any

from sqlalchemy import Connection

from guard_core.alerting import links
from guard_core.alerting.facts import Op
from guard_core.alerting.words import counted
from guard_store.alerts.facts import write_fact
from guard_store.retraining.flag import Flag
from guard_store.retraining.reasons import reason_text

# Kinds that a new champion resolves: it was trained on the days they are about, and has a new baseline.
_ENDED_BY_CHAMPION = ("drift", "performance", "retrain_failed")


def write_recommended_fact(connection: Connection, flag: Flag) -> None:
    """Write that a flag was raised, by the rule or by hand."""
    who = "asked for by hand" if flag.forced else "recommended"
    _write_flag_fact(connection, flag, "retrain_recommended", "fires", f"Retraining is {who}: {_reasons(flag)}.")


def write_started_fact(connection: Connection, flag: Flag, run_id: str) -> None:
    """Write that a training has begun; further attempts are not written."""
    message = f"Retraining has started, because of the flag of {flag.day}: {_reasons(flag)}."
    _write_flag_fact(connection, flag, "retrain_started", "notes", message, run_id=run_id)


def write_failed_fact(connection: Connection, flag: Flag, error: str) -> None:
    """Write that a training was given up."""
    attempts = flag.attempts + 1
    message = f"Retraining was given up after {counted(attempts, 'attempt')}: {error[:300]}"
    _write_flag_fact(connection, flag, "retrain_failed", "fires", message, severity="error", attempts=attempts)


def write_dismissed_fact(connection: Connection, flag: Flag, reason: str) -> None:
    """Write that a person dismissed a flag."""
    _write_flag_fact(
        connection, flag, "retrain_dismissed", "clears", f"Nothing is retrained, the flag was dismissed: {reason[:300]}"
    )


def write_finished_fact(
    connection: Connection, flag: Flag, action: str, *, reason: str, version: str, champion: str | None
) -> None:
    """Write that a training has become a version, and whether it was promoted."""
    lines = [f"Reason: {reason}."]
    if action == "promoted":
        before = "the first one" if champion is None else f"in place of version {champion}"
        message = f"Version {version} is the champion now, {before}."
        ended = list(_ENDED_BY_CHAMPION)
        lines.append("Drift and performance are judged by its own baseline from now on.")
    else:
        message = f"Version {version} was not promoted, {_champion_now(version, champion)}."
        ended = ["retrain_failed"]
    _write_flag_fact(
        connection, flag, f"retrain_{action}", "clears", message, lines=lines, version=version, clears=ended
    )


def write_decided_fact(
    connection: Connection,
    project_id: str,
    model_id: str,
    action: str,
    *,
    reason: str,
    version: str,
    champion: str | None,
    request_id: str | None,
    by_rule: bool = False,
) -> None:
    """Write that a person promoted a version, or that a person or the rule rolled back to it; the baseline stays the same."""
    before = "" if champion is None else f", in place of version {champion}"
    way = "is the champion again" if action == "rolled_back" else "is the champion now"
    how = "promoted by hand" if action == "promoted" else "rolled back by the rule" if by_rule else "rolled back"
    write_fact(
        connection,
        project_id,
        model_id,
        kind=f"retrain_{action}",
        dedup_key=uuid.uuid4().hex,  # each decision is made once
        severity="info",
        message=f"Version {version} {way}{before}: {how}.",
        details={
            "version": version,
            "lines": [f"Reason: {reason[:300]}"],
            "links": links.of_version(project_id, model_id, version),
        },
        request_id=request_id,
        op="clears",
        subject=f"champion/{version}",
    )


def _champion_now(version: str, champion: str | None) -> str:
    if champion is None:
        return "there is still no champion"
    return "it is the champion by hand" if champion == version else f"version {champion} stays the champion"


def _write_flag_fact(
    connection: Connection,
    flag: Flag,
    kind: str,
    op: Op,
    message: str,
    *,
    severity: str = "info",
    **details: Any,
) -> None:
    write_fact(
        connection,
        flag.project_id,
        flag.model_id,
        kind=kind,
        dedup_key=f"{kind}/{flag.id}",
        severity=severity,
        message=message,
        details={"flag_id": flag.id, "links": _links(flag, **details), **details},
        request_id=flag.request_id,
        op=op,
        subject=f"retrain/{flag.id}",
        # Without a day, so that results of later days do not make the fact count as outdated.
        day=None,
    )


def _reasons(flag: Flag) -> str:
    return "; ".join(reason_text(reason) for reason in flag.reasons)


def _links(flag: Flag, *, version: str | None = None, run_id: str | None = None, **_: Any) -> dict[str, str]:
    if version is not None:
        return links.of_version(flag.project_id, flag.model_id, version)
    day = {} if flag.forced else links.of_day("Retrain rule", "retrain_recommended", flag.day)
    run = {} if run_id is None else links.of_run(run_id)
    return {**run, **day, "Flags": f"/api/v1/projects/{flag.project_id}/models/{flag.model_id}/flags"}
