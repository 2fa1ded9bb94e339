"""A fact that alerts are made of, as a value; writing and reading facts is `guard_store.alerts.facts`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Op = Literal["fires", "notes", "clears"]


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that has happened.

    Attributes
    ----------
    kind : one of `guard_core.alerting.policy.Kind`.
    op : fires (it holds, until it is cleared), notes (a step on the way) or clears (it holds no more).
    subject : what it is about: of one subject, one alert of a model is open at most.
    message : what has happened, in a sentence.
    details : `lines` that say more, `value` (more is worse), `since_day`, `links` (as `links.py` names them), `policy`,
        `clears` (kinds), and others.
    """

    id: str
    project_id: str
    model_id: str | None
    kind: str
    dedup_key: str
    severity: str
    message: str
    details: Mapping[str, Any]
    request_id: str | None
    created_us: int
    op: str
    subject: str | None
    day: str | None
    folded_us: int | None

    @property
    def about(self) -> str:
        """The subject; what was written without one is about itself."""
        return self.subject or self.dedup_key
