"""Forcing and acknowledging: what the store lets happen, and what the caller is told where it does not."""

from guard_core.days import local_days, microseconds, now_us
from guard_store.projects.store import Project
from guard_store.retraining.decisions import Actor
from guard_store.retraining.flag import Flag
from serving.http.problems import Conflict, NotFound, Unprocessable
from serving.retraining.flags.schemas import AcknowledgeRequest, ForceRequest
from serving.services import Services


def force(services: Services, project: Project, model_id: str, wanted: ForceRequest, actor: Actor) -> Flag:
    """Raise a flag by hand.

    Raises
    ------
    NotFound
        Where the model has no events.
    Conflict
        Where a flag is active.
    Unprocessable
        Where the instant has no offset or lies in the future.
    """
    if not services.news.list(project.id, model_id, "", "~", limit=1):
        raise NotFound(f"Model {model_id!r} has no events: there is nothing to train on.")
    now = now_us()
    as_of = now
    if wanted.as_of is not None:
        if wanted.as_of.tzinfo is None or microseconds(wanted.as_of) > now:
            reason = "needs an offset from UTC, and must not lie in the future"
            raise Unprocessable(f"as_of {reason}.", errors=[{"field": "as_of", "reason": reason}])
        as_of = microseconds(wanted.as_of)
    day = local_days(project.timezone).of(as_of - 1).isoformat()
    flag = services.retrain.force(project.id, model_id, day, as_of_us=as_of, reason=wanted.reason, actor=actor)
    if flag is None:
        active = services.retrain.active(project.id, model_id)
        name = "" if active is None else f" ({active.id}, {active.state})"
        raise Conflict(f"Model {model_id!r} has an active flag already{name}: wait for it, or dismiss it.")
    return flag


def acknowledge(services: Services, flag: Flag, wanted: AcknowledgeRequest, actor: Actor) -> Flag:
    """Acknowledge or dismiss a flag.

    Raises
    ------
    Conflict
        Where its training has begun (it cannot be dismissed any more), or it is done.
    """
    found = services.retrain.acknowledge(flag, reason=wanted.reason, actor=actor, dismiss=wanted.dismiss)
    if found is None:
        raise Conflict(f"Flag {flag.id} is being trained for, or done: it cannot be dismissed any more.")
    return found
