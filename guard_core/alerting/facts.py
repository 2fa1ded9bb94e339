"""A fact, from which alerts are made, as a value.

Writing and reading facts is `guard_store.alerts.facts`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Op = Literal["fires", "notes", "clears"]


@dataclass(frozen=True, slots=True)
class Fact:
    """An event that opens, updates or resolves an alert.

    Attributes
    ----------
    kind : one of `guard_core.alerting.policy.Kind`, or `retrain_dismissed`, which only ends an alert.
    op : `fires` (a condition holds until it is cleared), `notes` (an intermediate step) or `clears` (the condition is over).
    subject : identifies the condition; a model has at most one open alert per subject. None: `dedup_key`.
    message : what happened, in one sentence.
    details : additional `lines`, `value` (higher is worse), `since_day`, `links` (targets of `links.py`), `policy`,
        `figure` (`figures.py`), `clears` (kinds that it resolves), and others.
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
        """The subject; without one, the `dedup_key`."""
        return self.subject or self.dedup_key
