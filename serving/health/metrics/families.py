"""Gauges of stored results: names, labels and descriptions; what their values are is read in `results`.

Instants are Unix timestamps, not ages: a cached value stays right, and `time() - …` is the age.
"""

from collections.abc import Sequence
from typing import Final

from prometheus_client.core import GaugeMetricFamily

_MODEL: Final = ("project", "model")

FAMILIES: Final[dict[str, tuple[str, Sequence[str]]]] = {
    "ml_guard_results_up": ("1 if the gauges of stored results could be read from the database.", ()),
    "ml_guard_results_omitted_models": ("Models without gauges, because there are too many.", ()),
    "ml_guard_drift_verdict_columns": (
        "Columns of the newest judged day, by the state of their verdicts.",
        (*_MODEL, "verdict"),
    ),
    "ml_guard_drift_day_end_timestamp_seconds": ("End of the newest judged day.", _MODEL),
    "ml_guard_performance_realised": (
        "Realised metrics of the newest day with labels, in the unit of the metric.",
        (*_MODEL, "metric"),
    ),
    "ml_guard_performance_estimated": (
        "Estimated metrics of the newest day with an estimate, in the unit of the metric.",
        (*_MODEL, "metric"),
    ),
    "ml_guard_performance_baseline": (
        "The primary metric in the window of the baseline of that day with labels.",
        (*_MODEL, "metric"),
    ),
    "ml_guard_performance_day_end_timestamp_seconds": (
        "End of the newest day with a realised or estimated metric.",
        (*_MODEL, "kind"),
    ),
    "ml_guard_newest_event_timestamp_seconds": ("Instant of the newest stored event.", _MODEL),
    "ml_guard_done_day_end_timestamp_seconds": ("End of the newest day that every stage has processed.", _MODEL),
    "ml_guard_unprocessed_days": (
        "Days with unprocessed rows: waiting, failed (to be retried), given_up, open (not closed yet).",
        (*_MODEL, "state"),
    ),
    "ml_guard_waiting_day_end_timestamp_seconds": ("End of the oldest day that waits for the pipelines.", _MODEL),
    "ml_guard_champion_timestamp_seconds": ("When the present champion became it.", (*_MODEL, "version")),
    "ml_guard_incidents_open": ("Open incidents; without a model, those of the project or installation.", _MODEL),
    "ml_guard_llm_cost_today_usd": ("US dollars spent on language models on the project's local day.", ("project",)),
    "ml_guard_aws_day_cost": (
        "Unblended AWS costs of the newest day with figures, in the currency.",
        ("project", "currency"),
    ),
    "ml_guard_aws_day_end_timestamp_seconds": ("End of the newest day with AWS costs.", ("project",)),
    "ml_guard_budget_left_ratio": (
        "Share of a hard budget that is neither spent nor reserved in the current period.",
        ("budget_id", "scope", "scope_id", "measure", "period"),
    ),
    "ml_guard_sensor_tick_timestamp_seconds": ("Newest tick of a sensor of Dagster's daemon.", ("sensor",)),
}
"""Description and labels by name."""


class Samples:
    """Samples of the gauges, collected in the order in which they are read."""

    def __init__(self) -> None:
        self._families = {
            name: GaugeMetricFamily(name, text, labels=labels) for name, (text, labels) in FAMILIES.items()
        }

    def add(self, name: str, value: float, *labels: str) -> None:
        """Add a sample to the gauge of this name."""
        self._families[name].add_metric(labels, value)

    def families(self) -> list[GaugeMetricFamily]:
        """Return the gauges that have samples."""
        return [family for family in self._families.values() if family.samples]
