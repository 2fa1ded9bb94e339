"""A retrain flag as a value; reading and writing flags is `guard_store.retraining.flags`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ACTIVE = ("open", "training")


@dataclass(frozen=True, slots=True)
class Flag:
    """A request to train a model, with only the data that was known at `as_of_us`.

    `state` is open, training, done, failed (given up) or dismissed.
    """

    id: str
    project_id: str
    model_id: str
    day: str
    as_of_us: int
    state: str
    reasons: Sequence[Mapping[str, Any]]
    forced: bool
    created_us: int
    created_by: str | None
    request_id: str | None
    acknowledged_us: int | None
    acknowledged_by: str | None
    acknowledged_reason: str | None
    attempts: int
    due_us: int
    dagster_run_id: str | None
    error: str | None
    changed_us: int

    @property
    def is_active(self) -> bool:
        """Whether its training has not ended."""
        return self.state in ACTIVE
