"""Profiles and the active baseline into drift reports.

Verdicts are computed by `ml`; storing its reports belongs here. Its trailing windows are read in `trailing_days`, the slices that
are judged in `judged_slices`.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property, partial

from guard_core.project_settings.drift import DriftSettings
from guard_core.settings import Settings
from guard_pipelines.days.loop import Outcome, Scope, StageRun, run_stage
from guard_pipelines.monitoring.stages.judged_slices import JudgedSlices
from guard_pipelines.monitoring.stages.trailing_days import DayProfiles, History
from guard_store.day_state.day_state import DayState
from guard_store.db.database import Database
from guard_store.monitoring.aggregates import AggregateStore
from guard_store.monitoring.baselines import Baseline, BaselinesInForce, BaselineStore
from guard_store.monitoring.drift_reports import DriftReportStore
from guard_store.projects.store import ProjectStore
from ml.monitoring.profiles.table import TableProfile
from ml.monitoring.verdicts.between_days import BaselineDays
from ml.monitoring.verdicts.judge import judge


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
        slices = self._slices.on(item.local_date, baseline, reference)
        report = judge(history, reference, self._settings, days, item.local_date.weekday(), slices.slices)
        reports.replace(
            *item.key,
            state=report.state,
            baseline_id=None if baseline is None else baseline.id,
            window_days=max(history.longest_days, slices.longest_days),
            report=replace(report, omitted_slices=slices.omitted).to_dict(),
            revision=item.profile_revision,
            run_id=run_id,
        )
        return report.state, report.columns_in("drift")

    @cached_property
    def _profiles(self) -> DayProfiles:
        return DayProfiles(AggregateStore(self._database), *self._key, self._settings.windows[-1])

    @cached_property
    def _slices(self) -> JudgedSlices:
        return JudgedSlices(AggregateStore(self._database), *self._key, self._settings)

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
        return ProjectStore(self._database).model_settings(*self._key, DriftSettings)
