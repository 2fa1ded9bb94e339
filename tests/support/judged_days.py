"""A model whose days have profiles and drift reports made by the judge itself, and a baseline."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from guard_core.columns import Kind
from guard_core.project_settings.drift import DriftSettings
from guard_store.monitoring.aggregates import Slice
from ml.monitoring.day_metrics import day_metrics
from ml.monitoring.profiles.build import profile_table
from ml.monitoring.profiles.table import TableProfile
from ml.monitoring.verdicts.between_days import BaselineDays
from ml.monitoring.verdicts.judge import judge
from serving.app import Services
from tests.support.model_days import FIRST, MODEL

Columns = Mapping[str, Sequence[object] | NDArray[np.float64]]


@dataclass
class JudgedDays:
    """The days of a model, counted from 0; each is stored as the pipelines store it."""

    services: Services
    project_id: str
    settings: DriftSettings = field(default_factory=DriftSettings)
    reference: TableProfile | None = None
    baseline_id: str | None = None
    profiles: dict[int, TableProfile] = field(default_factory=dict)

    def capture(self, columns: Columns, design_effects: Mapping[str, float] | None = None) -> None:
        """Store a baseline of these values."""
        self.reference = _profile(columns)
        day = FIRST.isoformat()
        baseline = self.services.baselines.capture(
            self.project_id,
            MODEL,
            day,
            day,
            rows=self.reference.rows,
            sha256="0" * 64,
            profile=self.reference.to_bytes(),
            design_effects=design_effects or {},
            created_by=None,
            request_id=None,
        )
        self.baseline_id = baseline.id

    def add(self, number: int, columns: Columns, design_effects: Mapping[str, float] | None = None) -> None:
        """Store profile, metrics and drift report of the n-th day."""
        profile = self.profiles[number] = _profile(columns)
        day = (FIRST + timedelta(days=number)).isoformat()
        whole = Slice("", "", profile.rows, day_metrics(profile), profile.to_bytes())
        self.services.aggregates.replace_day(
            self.project_id, MODEL, day, [whole], lake_version=1, revision=1, run_id="run"
        )

        def history(days: int) -> list[TableProfile | None]:
            return [self.profiles.get(earlier) for earlier in range(number - days + 1, number + 1)]

        report = judge(history, self.reference, self.settings, BaselineDays(design_effects or {}))
        self.services.drift_reports.replace(
            self.project_id,
            MODEL,
            day,
            state=report.state,
            baseline_id=self.baseline_id,
            window_days=max((verdict.window_days or 1 for verdict in report.columns), default=1),
            report=report.to_dict(),
            revision=1,
            run_id="run",
        )


def _profile(columns: Columns) -> TableProfile:
    table = pa.table({name: pa.array(values) for name, values in columns.items()})
    kinds: dict[str, Kind] = {
        name: "categorical" if pa.types.is_string(table[name].type) else "numeric" for name in columns
    }
    return profile_table(table, kinds)["", ""]
