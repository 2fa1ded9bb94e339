"""The slices of a model that are judged beside its whole: which ones, and their baselines.

A baseline stores the profile of the whole only; that of a slice is merged from the slice's profiles of the baseline's days, as they
are stored when a day is judged.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from guard_core.columns import PREDICTION, PROBABILITY
from guard_core.project_settings.drift import MAX_JUDGED_SLICES, DriftSettings
from guard_pipelines.monitoring.stages.trailing_days import DayProfiles, History
from guard_store.monitoring.aggregates import AggregateStore
from guard_store.monitoring.baselines import Baseline
from ml.monitoring.profiles.table import TableProfile, kind_of
from ml.monitoring.verdicts.between_days import BaselineDays, baseline_days
from ml.monitoring.verdicts.judge import Slice

_PREDICTIONS: Final = frozenset({PREDICTION, PROBABILITY})

SliceKey = tuple[str, str]


@dataclass(frozen=True, slots=True, eq=False)
class SlicesOfDay:
    """The slices to judge on a day.

    Attributes
    ----------
    histories : the days of each slice; together they have the longest window that was read.
    omitted : number of slices that are left out because there are too many.
    """

    slices: Sequence[Slice] = ()
    histories: Sequence[History] = ()
    omitted: int = 0

    @property
    def longest_days(self) -> int:
        """The longest trailing window that was read for a slice."""
        return max((history.longest_days for history in self.histories), default=1)


@dataclass(frozen=True, slots=True, eq=False)
class _Reference:
    """What a slice is compared with; without a profile if the baseline does not have the slice."""

    profile: TableProfile | None = None
    days: BaselineDays = field(default_factory=BaselineDays)


@dataclass(frozen=True, slots=True, eq=False)
class _BaselineSlices:
    """The largest slices of a baseline, and the keys of all."""

    references: dict[SliceKey, _Reference]
    keys: Sequence[SliceKey]


class JudgedSlices:
    """Selects the slices of a model's days and reads what they are judged by, once in a run where days share it."""

    def __init__(self, aggregates: AggregateStore, project_id: str, model_id: str, settings: DriftSettings) -> None:
        self._aggregates = aggregates
        self._key = project_id, model_id
        self._settings = settings
        self._baselines: dict[str, _BaselineSlices] = {}
        self._profiles: dict[SliceKey, DayProfiles] = {}

    def on(self, day: date, baseline: Baseline | None, whole: TableProfile | None) -> SlicesOfDay:
        """Return the slices to judge on a day.

        The largest of the baseline come first, then those of the day that the baseline does not have. Which slices are tested
        depends on the baseline alone.

        Parameters
        ----------
        whole : the profile of the baseline.
        """
        if not self._settings.slices or baseline is None or whole is None:
            return SlicesOfDay()
        if baseline.id not in self._baselines:
            self._baselines[baseline.id] = self._of_baseline(baseline, whole)
        of_baseline = self._baselines[baseline.id]
        new = [key for key in self._keys(day.isoformat(), day.isoformat()) if key not in of_baseline.keys]
        references = of_baseline.references | dict.fromkeys(new, _Reference())
        judged = list(references)[:MAX_JUDGED_SLICES]
        histories = [History(self._profiles_of(key), day, _excluded(baseline)) for key in judged]
        slices = [
            Slice(*key, history, references[key].profile, references[key].days)
            for key, history in zip(judged, histories, strict=True)
        ]
        return SlicesOfDay(slices, histories, len(of_baseline.keys) + len(new) - len(judged))

    def _of_baseline(self, baseline: Baseline, whole: TableProfile) -> _BaselineSlices:
        keys = self._keys(baseline.start_day, baseline.end_day)
        largest = keys[:MAX_JUDGED_SLICES]
        return _BaselineSlices({key: self._reference(key, baseline, whole) for key in largest}, keys)

    def _reference(self, key: SliceKey, baseline: Baseline, whole: TableProfile) -> _Reference:
        stored = self._aggregates.profiles(*self._key, baseline.start_day, baseline.end_day, key)
        excluded = _excluded(baseline)
        profiles = {day: TableProfile.from_bytes(data).without(excluded) for day, data in stored.items()}
        # A day that was profiled before a column's kind was changed cannot be merged with the others.
        fitting = {day: profile for day, profile in profiles.items() if _has_kinds_of(whole, profile)}
        if not fitting:
            return _Reference()
        merged = TableProfile.merge(list(fitting.values()))
        weekdays = [date.fromisoformat(day).weekday() for day in fitting]
        return _Reference(merged, baseline_days(list(fitting.values()), weekdays, merged, self._settings))

    def _keys(self, start_day: str, end_day: str) -> list[SliceKey]:
        return self._aggregates.largest_slices(*self._key, start_day, end_day, self._settings.slices)

    def _profiles_of(self, key: SliceKey) -> DayProfiles:
        if key not in self._profiles:
            self._profiles[key] = DayProfiles(self._aggregates, *self._key, self._settings.windows[-1], key)
        return self._profiles[key]


def _excluded(baseline: Baseline) -> frozenset[str]:
    """Return the columns that are not compared by slice.

    The baseline of a promoted champion has the champion's own predictions for its days; stored for the slices are those of its
    predecessor.
    """
    return frozenset() if baseline.from_day is None else _PREDICTIONS


def _has_kinds_of(whole: TableProfile, profile: TableProfile) -> bool:
    return all(
        kind_of(column) == kind_of(whole.columns[name])
        for name, column in profile.columns.items()
        if name in whole.columns
    )
