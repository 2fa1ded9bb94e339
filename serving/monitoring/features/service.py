"""Service behind one column of a day: its verdict from the report, distributions from profiles, and its history."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Literal

from guard_core.columns import LATENCY, PREDICTION, PROBABILITY, feature_column, feature_name
from guard_core.project_settings.drift import DriftSettings
from guard_core.project_settings.project import settings_of_model
from guard_core.suggestions import suggest
from guard_store.day_state.store import DayStateStore
from guard_store.monitoring.aggregates import AggregateStore
from guard_store.monitoring.baselines import Baseline, BaselineStore
from guard_store.monitoring.drift_reports import ColumnDay, DriftReportStore, StoredReport
from guard_store.monitoring.kinds import KindStore
from guard_store.projects.store import Project
from ml.monitoring.noise_bounds import NoiseBound
from ml.monitoring.profiles.table import ColumnProfile, TableProfile, columns_like, merge_columns
from serving.http.problems import NotFound
from serving.monitoring.features.distributions import categories_view, histogram_view, sample_view
from serving.monitoring.features.schemas import BaselineSummary, FeatureHistory, FeatureVerdict, FeatureView
from serving.monitoring.results.days import Days, checked_days

_DAYS_BEFORE, _DAYS_AFTER = 149, 30
_NOT_JUDGED, _NOT_PROCESSED = "not_judged", "not_processed"
_ENVELOPE = {PREDICTION, PROBABILITY, LATENCY}


class FeatureService:
    """Reads one column of a model."""

    def __init__(
        self,
        day_states: DayStateStore,
        aggregates: AggregateStore,
        drift_reports: DriftReportStore,
        baselines: BaselineStore,
        kinds: KindStore,
    ) -> None:
        self._day_states = day_states
        self._aggregates = aggregates
        self._drift_reports = drift_reports
        self._baselines = baselines
        self._kinds = kinds

    def read(self, project: Project, model_id: str, day: str, feature: str, days: Days) -> FeatureView:
        """Return the column on a day, with its history over a range of days.

        Raises
        ------
        NotFound
            If the day, the history, the kinds of columns, the newest report and the baseline all lack the column.
        """
        key = project.id, model_id
        column = feature if feature in _ENVELOPE else feature_column(feature)
        report = next(iter(self._drift_reports.days(*key, day, day)), None)
        stored = _verdict_on(column, report)
        verdict = None if stored is None else FeatureVerdict.of(stored)
        baseline = self._baseline(*key, day, report)
        reference = None if baseline is None else self._reference(baseline.id, column)
        window = self._window(*key, day, column, 1 if verdict is None else verdict.window_days or 1)
        reported = self._drift_reports.column_history(*key, column, days.start, days.end)
        settings = settings_of_model(project.settings, model_id, DriftSettings)
        references = self._references(column, reported, {} if baseline is None else {baseline.id: reference})
        tested = _tested_columns(report)
        noise = {name: NoiseBound.of(column, profile, settings, tested) for name, profile in references.items()}
        history = _history(reported, noise)
        state = verdict.state if verdict is not None else self._state_without_verdict(*key, day, report)
        is_known = verdict or reference or window or set(history.verdicts) - {None, _NOT_JUDGED}
        if not is_known and state != _NOT_PROCESSED:  # events of the day that no pipeline has read may have the column
            self._require_column(*key, column, baseline)
        return FeatureView(
            day=day,
            feature=feature,
            state=state,
            verdict=verdict,
            baseline=baseline,
            baseline_sample=sample_view(reference),
            window_sample=sample_view(window),
            histogram=histogram_view(reference, window),
            categories=categories_view(reference, window),
            history=history,
        )

    def newest_day(self, project_id: str, model_id: str) -> str | None:
        """Return the newest day with a drift report; None without one."""
        return self._drift_reports.newest_day(project_id, model_id)

    def _require_column(self, project_id: str, model_id: str, column: str, baseline: BaselineSummary | None) -> None:
        newest = self._drift_reports.newest_columns(project_id, model_id)
        columns = {kind.feature for kind in self._kinds.list(project_id, model_id)}
        columns |= {verdict.column for verdict in newest.columns} if newest else set()
        columns |= set() if baseline is None else set(self._baseline_columns(baseline.id))
        if columns and column not in columns | _ENVELOPE:
            feature, features = feature_name(column), [feature_name(known) for known in columns]
            raise NotFound(
                f"Model {model_id!r} has no feature {feature!r}: neither its events nor its baseline have it."
                f"{suggest(feature, features)}"
            )

    def _state_without_verdict(self, project_id: str, model_id: str, day: str, report: StoredReport | None) -> str:
        if report is not None:
            return "missing_baseline" if report.state == "missing_baseline" else _NOT_JUDGED
        return _NOT_PROCESSED if self._day_states.list(project_id, model_id, day, day) else "no_events"

    def _baseline(
        self, project_id: str, model_id: str, day: str, report: StoredReport | None
    ) -> BaselineSummary | None:
        """Return the baseline of the report, or the one that a day without a report would be compared with."""
        if report is None:
            chosen = self._baselines.in_force(project_id, model_id).of(day)
        else:
            versions = self._baselines.versions(project_id, model_id)
            chosen = next((version for version in versions if version.id == report.baseline_id), None)
        return None if chosen is None else _summary(chosen)

    def _reference(self, baseline_id: str, column: str) -> ColumnProfile | None:
        return self._baseline_columns(baseline_id).get(column)

    def _baseline_columns(self, baseline_id: str) -> Mapping[str, ColumnProfile]:
        return TableProfile.from_bytes(self._baselines.profile(baseline_id)).columns

    def _window(self, project_id: str, model_id: str, day: str, column: str, days: int) -> ColumnProfile | None:
        """Return the profile of the column in the window of its verdict, merged as for the verdict."""
        first = (date.fromisoformat(day) - timedelta(days=days - 1)).isoformat()
        profiles = self._aggregates.profiles(project_id, model_id, first, day)
        tables = {profiled: TableProfile.from_bytes(profile) for profiled, profile in profiles.items()}
        today = tables[day].columns.get(column) if day in tables else None
        return None if today is None else merge_columns(columns_like(tables.values(), column, today))

    def _references(
        self, column: str, reported: Sequence[ColumnDay], read: Mapping[str, ColumnProfile | None]
    ) -> dict[str, ColumnProfile | None]:
        """Return the column in each baseline that a day was compared with, by id; those that were read already are not read again."""
        used = {item.baseline_id for item in reported if item.method is not None and item.baseline_id is not None}
        return {**read, **{baseline: self._reference(baseline, column) for baseline in used - read.keys()}}


def history_days(day: str, start: str | None, end: str | None) -> Days:
    """Return the range of the history: around the day, unless its bounds are given.

    Raises
    ------
    Unprocessable
        If a bound is no day, or the range ends before it starts.
    """
    around = date.fromisoformat(day)
    earliest = max(around.toordinal() - _DAYS_BEFORE, date.min.toordinal())
    latest = min(around.toordinal() + _DAYS_AFTER, date.max.toordinal())
    return checked_days(
        date.fromordinal(earliest).isoformat() if start is None else start,
        date.fromordinal(latest).isoformat() if end is None else end,
    )


def _verdict_on(column: str, report: StoredReport | None) -> dict[str, object] | None:
    verdicts = [] if report is None else report.report.get("columns", [])
    return next((verdict for verdict in verdicts if verdict["column"] == column), None)


def _history(reported: Sequence[ColumnDay], noise: Mapping[str, NoiseBound | None]) -> FeatureHistory:
    """Return every day of the reports' range; `noise` is by id of a baseline."""
    by_day = {item.day: item for item in reported}
    every_day = _calendar(reported[0].day, reported[-1].day) if reported else []
    items = [by_day.get(day) for day in every_day]
    return FeatureHistory(
        days=every_day,
        verdicts=[item and (item.state or _NOT_JUDGED) for item in items],
        methods=[item and item.method for item in items],
        effects=[item and item.effect for item in items],
        noise_bounds=[item and _noise_of(item, noise.get(item.baseline_id or "")) for item in items],
        missing_shares=[item and item.missing_share for item in items],
        unseen_shares=[item and item.unseen_share for item in items],
    )


def _tested_columns(report: StoredReport | None) -> int:
    """Return how many columns share the error rate of a report."""
    verdicts = [] if report is None else report.report.get("columns", [])
    return sum(verdict.get("method") is not None for verdict in verdicts)


def _noise_of(day: ColumnDay, noise: NoiseBound | None) -> float | None:
    if noise is None or day.method is None:
        return None
    about: Literal["values", "missing"] = "missing" if day.about == "missing" else "values"
    return noise.effect(day.method, day.n or 0, day.m or 0, day.design_effect or 1.0, about)


def _summary(baseline: Baseline) -> BaselineSummary:
    return BaselineSummary(id=baseline.id, version=baseline.version, start=baseline.start_day, end=baseline.end_day)


def _calendar(first: str, last: str) -> list[str]:
    start, end = date.fromisoformat(first).toordinal(), date.fromisoformat(last).toordinal()
    return [date.fromordinal(number).isoformat() for number in range(start, end + 1)]
