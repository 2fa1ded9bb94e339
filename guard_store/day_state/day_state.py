"""The state of one (project, model, local day) as a value: whether it is closed, done, failed, or due for a retry.

Reading and marking rows is `store`.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any, Self

from sqlalchemy import Row

from guard_core.days import local_days
from guard_core.settings import Settings
from guard_core.units import SECOND_US

Key = tuple[str, str, str]
"""(project, model, local day)."""
PROCESSED_BEFORE = -1
"""Revision of the last stage of a day whose every stage had ended, and that is due again because a result has changed, not its rows."""


@dataclass(frozen=True, slots=True)
class DayState:
    """The state of one (project, model, local day) at the time of reading."""

    project_id: str
    model_id: str
    day: str
    timezone: str
    events: int
    late: int
    duplicates: int
    labels: int
    revision: int
    changes: int
    lake_revision: int
    profile_revision: int
    drift_revision: int
    performance_revision: int
    retrain_revision: int
    failed_revision: int | None
    attempts: int
    error: str | None
    request_id: str | None
    changed_us: int
    events_expired_us: int | None = None
    lake_expired_us: int | None = None

    def is_kept_for(self, stage: str) -> bool:
        """Return whether retention has kept the input of a stage; earlier results stay as they are."""
        if stage == "lake":
            return self.events_expired_us is None and self.lake_expired_us is None
        return self.lake_expired_us is None or stage not in {"profile", "performance"}

    @property
    def key(self) -> Key:
        """Project, model and local day."""
        return self.project_id, self.model_id, self.day

    @property
    def local_date(self) -> date:
        """The day as a date."""
        return date.fromisoformat(self.day)

    @property
    def bounds_us(self) -> tuple[int, int]:
        """First instant of the day and first instant after it, in UTC microseconds."""
        return local_days(self.timezone).bounds_us(self.local_date)

    @property
    def done(self) -> bool:
        """Whether every stage has processed the newest revision."""
        monitored = min(self.lake_revision, self.profile_revision, self.drift_revision)
        return min(monitored, self.performance_revision, self.retrain_revision) >= self.revision

    @property
    def is_due_again(self) -> bool:
        """Whether every stage had ended, and the day has changed since: by late rows, or by a result that it is compared with.

        Changed settings, baselines and kinds reset the last stage: such days count as due for the first time, because a person waits
        for them.
        """
        return self.retrain_revision != 0 and not self.done

    @property
    def failed(self) -> bool:
        """Whether processing of the newest revision failed."""
        return not self.done and self.failed_revision == self.revision

    @property
    def next_stage(self) -> str | None:
        """The first stage that has not processed the newest revision; None if the day is done."""
        return next((stage for stage, revision in self._revisions.items() if revision < self.revision), None)

    def has_passed(self, stage: str | None) -> bool:
        """Return whether a stage has processed the newest revision; whether all have, if no stage is given."""
        return self.done if stage is None else self._revisions[stage] >= self.revision

    @property
    def _revisions(self) -> dict[str, int]:
        return {
            "lake": self.lake_revision,
            "profile": self.profile_revision,
            "drift": self.drift_revision,
            "performance": self.performance_revision,
            "retrain": self.retrain_revision,
        }

    def is_closed(self, settings: Settings, at_us: int) -> bool:
        """Return whether the day, and the delay after it, are over at an instant."""
        return self.bounds_us[1] + settings.pipelines.close_delay_s * SECOND_US <= at_us

    def may_try(self, settings: Settings, at_us: int) -> bool:
        """Return whether this revision has not failed, or its retry is due; each retry waits twice as long as the last."""
        if self.failed_revision != self.revision:
            return True
        wait_us = settings.pipelines.retry_delay_s * SECOND_US * 2 ** max(self.attempts - 1, 0)
        return self.attempts <= settings.pipelines.retries and self.changed_us + wait_us <= at_us

    @classmethod
    def of(cls, row: Row[Any]) -> Self:
        """Build a state from a row with all columns of the class."""
        return cls(**row._mapping)
