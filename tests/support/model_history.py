"""Results of a model as the pipelines store them: verdicts on columns, performance of the day and of its slices."""

from collections.abc import Mapping
from typing import Any

from guard_store.monitoring.performance import SlicePerformance
from ml.monitoring.verdicts.report import ColumnVerdict, DriftReport
from serving.app import Services
from tests.support.model_days import MODEL, day_of


def metric(value: float | None, n: int = 100) -> dict[str, Any]:
    """Return a metric whose interval is 0.1 wide on each side."""
    bounds = {"low": None, "high": None} if value is None else {"low": value - 0.1, "high": value + 0.1}
    return {"value": value, **bounds, "n": n, "reason": None}


class ModelHistory:
    """Stores results of days of the model of `tests.support.model_days`."""

    def __init__(self, services: Services, project_id: str) -> None:
        self._services = services
        self._key = project_id, MODEL

    def store_report(self, number: int, *verdicts: ColumnVerdict, state: str = "stable") -> None:
        """Store the drift report of the n-th day."""
        report = DriftReport(state, "a test", verdicts).to_dict()  # type: ignore[arg-type]
        self._services.drift_reports.replace(
            *self._key,
            day_of(number),
            state=state,
            baseline_id=None,
            window_days=1,
            report=report,
            revision=1,
            run_id="run",
        )

    def store_performance(
        self, number: int, values: Mapping[tuple[str, str], float | None], *, baseline_id: str | None = None
    ) -> None:
        """Store the realised ROC AUC of slices of the n-th day; the estimate of each is 0.75."""
        slices = [
            SlicePerformance(
                dimension,
                value,
                "binary",
                100,
                100,
                {
                    "realised": {"metrics": {"roc_auc": metric(auc)}},
                    "estimated": {"metrics": {"roc_auc": metric(0.75)}},
                },
            )
            for (dimension, value), auc in values.items()
        ]
        self._services.performance.replace_day(
            *self._key, day_of(number), slices, baseline_id=baseline_id, lake_version=1, revision=1, run_id="run"
        )

    def capture_baseline(self, *, from_day: str | None = None, roc_auc: float = 0.8) -> str:
        """Capture the first day as a baseline with this ROC AUC in its window, and return its id."""
        baseline = self._services.baselines.capture(
            *self._key,
            day_of(0),
            day_of(0),
            rows=3,
            sha256="0" * 64,
            profile=b"",
            design_effects={},
            created_by=None,
            request_id=None,
            from_day=from_day,
        )
        reference = {"task": "binary", "metrics": {"roc_auc": metric(roc_auc)}}
        self._services.performance.replace_reference(*self._key, baseline.id, labelled=3, reference=reference)
        return baseline.id
