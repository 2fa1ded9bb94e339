"""Profiles and the active baseline into drift reports.

Verdicts are computed by `ml`; reading its trailing windows and storing its reports belongs here.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from functools import cached_property, partial

from guard_core.project_settings.drift import DriftSettings
from guard_core.project_settings.project import settings_of_model
from guard_core.settings import Settings
from guard_pipelines.days.loop import Outcome, Scope, StageRun, run_stage
from guard_store.day_state.day_state import DayState
from guard_store.db.database import Database
from guard_store.monitoring.aggregates import AggregateStore
from guard_store.monitoring.baselines import Baseline, BaselinesInForce, BaselineStore
from guard_store.monitoring.drift_reports import DriftReportStore
from guard_store.projects.store import ProjectStore
from ml.monitoring.profiles.table import TableProfile
from ml.monitoring.verdicts.between_days import BaselineDays
from ml.monitoring.verdicts.judge import judge

_DAYS_AHEAD = 31
_KEPT = timedelta(days=366)


def judge_days(scope: Scope, database: Database, settings: Settings) -> Outcome:
    """Judge the days whose profiles, baseline or settings are new."""
    return run_stage("drift", scope, database, settings, partial(_judge_model, database))


def _judge_model(database: Database, run: StageRun, items: Sequence[DayState]) -> None:
    model = _Model(database, *items[0].key[:2])
    for item in items:
        with run.isolate(item):
            state, drifted = model.judge(item, run.run_id)
            run.mark([item])
            run.outcome.add(item, state=state, drifted_columns=len(drifted), drifted=", ".join(drifted))


class _Model:
    """What the days of one model share: baseline, settings, profiles."""

    def __init__(self, database: Database, project_id: str, model_id: str) -> None:
        self._database = database
        self._key = project_id, model_id
        self._profiles = DayProfiles(AggregateStore(database), project_id, model_id)
        self._references: dict[str, tuple[TableProfile, BaselineDays]] = {}

    def judge(self, item: DayState, run_id: str) -> tuple[str, Sequence[str]]:
        """Judge one day, store the report, and return the state and the columns that drifted."""
        reports = DriftReportStore(self._database)
        if not item.events:
            reports.remove(*item.key)
            return "no events", []
        history = History(self._profiles, item.local_date)
        baseline = self._baselines.of(item.day)
        reference, days = self._reference(baseline)
        report = judge(history, reference, self._settings, days, item.local_date.weekday())
        reports.replace(
            *item.key,
            state=report.state,
            baseline_id=None if baseline is None else baseline.id,
            window_days=history.longest_days,
            report=report.to_dict(),
            revision=item.profile_revision,
            run_id=run_id,
        )
        return report.state, report.columns_in("drift")

    @cached_property
    def _baselines(self) -> BaselinesInForce:
        return BaselineStore(self._database).in_force(*self._key)

    def _reference(self, baseline: Baseline | None) -> tuple[TableProfile | None, BaselineDays]:
        if baseline is None:
            return None, BaselineDays()
        if baseline.id not in self._references:
            store = BaselineStore(self._database)
            profile = TableProfile.from_bytes(store.profile(baseline.id))
            days = BaselineDays.from_dict(baseline.design_effects, store.days(baseline.id))
            self._references[baseline.id] = profile, days
        return self._references[baseline.id]

    @cached_property
    def _settings(self) -> DriftSettings:
        project = ProjectStore(self._database).get(self._key[0])
        return settings_of_model(project.settings if project else {}, self._key[1], DriftSettings)


class DayProfiles:
    """A model's profiles by day, read in blocks and cached while a run goes forward through the days."""

    def __init__(self, aggregates: AggregateStore, project_id: str, model_id: str) -> None:
        self._aggregates = aggregates
        self._key = project_id, model_id
        self._by_day: dict[date, TableProfile | None] = {}

    def between(self, first: date, last: date) -> list[TableProfile | None]:
        """Return the profiles of a closed range of days, oldest first; None for a day without one."""
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        missing = [day for day in days if day not in self._by_day]
        if missing:
            self._read(missing[0], missing[-1] + timedelta(days=_DAYS_AHEAD))
            self._by_day = {day: profile for day, profile in self._by_day.items() if last - day <= _KEPT}
        return [self._by_day.get(day) for day in days]

    def _read(self, first: date, last: date) -> None:
        profiles = self._aggregates.profiles(*self._key, first.isoformat(), last.isoformat())
        for n in range((last - first).days + 1):
            day = first + timedelta(days=n)
            data = profiles.get(day.isoformat())
            self._by_day[day] = None if data is None else TableProfile.from_bytes(data)


class History:
    """The days up to one day; `longest_days` is the longest trailing window that was read."""

    def __init__(self, profiles: DayProfiles, day: date) -> None:
        self._profiles = profiles
        self._day = day
        self.longest_days = 1

    def __call__(self, days: int) -> list[TableProfile | None]:
        """Return the profiles of the last `days` local days, oldest first; None for a day without events."""
        self.longest_days = max(self.longest_days, days)
        return self._profiles.between(self._day - timedelta(days=days - 1), self._day)
