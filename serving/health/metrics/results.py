"""Reads the gauges of stored results from the database at a scrape: a few statements for all models, cached for some seconds.

Models whose rows are deleted are not read any more, so their series end. Names and labels are in `families`.
"""

import logging
from collections.abc import Collection, Iterable
from datetime import date, timedelta
from threading import Lock
from typing import Final, Literal

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from guard_core.days import from_microseconds, local_days, now_us
from guard_core.settings import Settings
from guard_core.ttl_cache import TtlCache
from guard_core.units import NANO, SECOND_US
from guard_store.alerts.incidents import IncidentStore
from guard_store.costs.store import CostStore
from guard_store.day_state.store import DayStateStore, NewestDays
from guard_store.day_state.ticks import TickStore
from guard_store.db.database import Database
from guard_store.ingest.predictions import newest_instants
from guard_store.monitoring.drift_reports import DriftReportStore
from guard_store.monitoring.performance import PerformanceStore
from guard_store.projects.store import ProjectStore
from guard_store.retraining.decisions import DecisionStore
from guard_store.spending.budgets import BudgetStore
from guard_store.spending.usage import UsageStore
from ml.monitoring.verdicts.report import STATES
from ml.retraining.promotion import PRIMARY
from serving.health.metrics.families import Samples

_BUDGETS: Final = 200
_METRIC_BY_TASK: Final = {str(task): metric for task, metric in PRIMARY.items()}
_KINDS: Final[tuple[Literal["realised", "estimated"], ...]] = ("realised", "estimated")
_log = logging.getLogger(__name__)

ModelKey = tuple[str, str]


class ResultCollector(Collector):
    """Collects the gauges; of concurrent scrapes one reads the database, the others wait for it."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._settings = settings
        self._cache: TtlCache[str, list[GaugeMetricFamily]] = TtlCache(settings.server.metrics_cache_s)
        self._lock = Lock()

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Return the gauges; if the database cannot be read, only the one that states it."""
        with self._lock:
            families = self._cache.get("results")
            if families is None:
                families = self._read()
                self._cache.put("results", families)
        return families

    def _read(self) -> list[GaugeMetricFamily]:
        samples = Samples()
        try:
            _Reading(self._database, self._settings, samples).run()
        except SQLAlchemyError as error:  # whose text may hold the database's password
            _log.warning("the gauges of stored results cannot be read (%s)", type(error).__name__)
            samples = Samples()
            samples.add("ml_guard_results_up", 0)
        else:
            samples.add("ml_guard_results_up", 1)
        return samples.families()


class _Reading:
    """One reading of all gauges."""

    def __init__(self, database: Database, settings: Settings, samples: Samples) -> None:
        self._database = database
        self._settings = settings
        self._add = samples.add
        self._zones = {project.id: project.timezone for project in ProjectStore(database).page()}
        newest_days = [days for days in DayStateStore(database).newest_days() if days.project_id in self._zones]
        self._days = _newest_first(newest_days)[: settings.server.metrics_models]
        self._models = {(days.project_id, days.model_id) for days in self._days}
        projects = dict.fromkeys([days.project_id for days in self._days] + list(self._zones))
        self._projects = list(projects)[: settings.server.metrics_models]
        self._add("ml_guard_results_omitted_models", len(newest_days) - len(self._days))

    def run(self) -> None:
        """Read everything."""
        self._read_freshness()
        self._read_backlog()
        self._read_drift()
        self._read_performance()
        self._read_champions()
        self._read_incidents()
        self._read_costs()
        self._read_budgets()
        for sensor, ticked_us in TickStore(self._database).all_newest().items():
            self._add("ml_guard_sensor_tick_timestamp_seconds", ticked_us / SECOND_US, sensor)

    def _read_freshness(self) -> None:
        instants = newest_instants(self._database)
        for days in self._days:
            key = days.project_id, days.model_id
            if key in instants:
                self._add("ml_guard_newest_event_timestamp_seconds", instants[key] / SECOND_US, *key)
            if days.done_day is not None:
                self._add_day_end("ml_guard_done_day_end_timestamp_seconds", days.done_day, *key)

    def _read_backlog(self) -> None:
        backlog = DayStateStore(self._database).backlog(self._settings)
        by_model = {(row.project_id, row.model_id): row for row in backlog}
        for key in self._models:
            row = by_model.get(key)
            days = {"waiting": 0, "failed": 0, "given_up": 0, "open": 0}
            if row is not None:
                failed = row.failed_days - row.given_up_days
                days = {
                    "waiting": row.waiting_days,
                    "failed": failed,
                    "given_up": row.given_up_days,
                    "open": row.open_days,
                }
                if row.oldest_waiting is not None:
                    self._add_day_end("ml_guard_waiting_day_end_timestamp_seconds", row.oldest_waiting, *key)
            for state, n in days.items():
                self._add("ml_guard_unprocessed_days", n, *key, state)

    def _read_drift(self) -> None:
        for row in DriftReportStore(self._database).newest_states():
            key = row.project_id, row.model_id
            if key in self._models:
                self._add_day_end("ml_guard_drift_day_end_timestamp_seconds", row.day, *key)
                for state in STATES:
                    self._add("ml_guard_drift_verdict_columns", row.columns.get(state, 0), *key, state)

    def _read_performance(self) -> None:
        store = PerformanceStore(self._database)
        baselines: dict[ModelKey, tuple[str, str]] = {}
        for kind in _KINDS:
            for day in store.newest_metrics(kind):
                key = day.project_id, day.model_id
                if key not in self._models:
                    continue
                if kind == "realised" and day.baseline_id is not None and day.task in _METRIC_BY_TASK:
                    baselines[key] = day.baseline_id, _METRIC_BY_TASK[day.task]
                self._add_day_end("ml_guard_performance_day_end_timestamp_seconds", day.day, *key, kind)
                for name, metric in day.metrics.items():
                    if metric["value"] is not None:
                        self._add(f"ml_guard_performance_{kind}", metric["value"], *key, name)
        values = store.reference_values({baseline for baseline, _ in baselines.values()}, _METRIC_BY_TASK)
        for key, (baseline_id, name) in baselines.items():
            if baseline_id in values:
                self._add("ml_guard_performance_baseline", values[baseline_id], *key, name)

    def _read_champions(self) -> None:
        for key, decision in DecisionStore(self._database).champions().items():
            if key in self._models and decision.version is not None:
                since_s = decision.decided_us / SECOND_US
                self._add("ml_guard_champion_timestamp_seconds", since_s, *key, decision.version)

    def _read_incidents(self) -> None:
        counts = dict.fromkeys([*self._models, ("", "")], 0) | {
            key: n for key, n in IncidentStore(self._database).count_open().items() if self._is_shown(key)
        }
        for key, n in counts.items():
            self._add("ml_guard_incidents_open", n, *key)

    def _is_shown(self, key: ModelKey) -> bool:
        return key in self._models or (key[1] == "" and (key[0] == "" or key[0] in self._projects))

    def _read_costs(self) -> None:
        utc_day = from_microseconds(now_us()).date()
        first, last = utc_day - timedelta(days=1), utc_day + timedelta(days=1)  # every zone's today
        usage = UsageStore(self._database).read(("day", "project_id"), first=first, last=last, limit=None)
        spent = {(row.project_id, row.day): row.cost_nano_usd for row in usage}
        for project_id in self._projects:
            cost_nano_usd = spent.get((project_id, self._today(project_id).isoformat()), 0)
            self._add("ml_guard_llm_cost_today_usd", cost_nano_usd / NANO, project_id)
        for (project_id, day), totals in CostStore(self._database).newest_totals("aws").items():
            if project_id in self._projects:
                self._add_day_end("ml_guard_aws_day_end_timestamp_seconds", day, project_id)
                for currency, amount in totals.items():
                    self._add("ml_guard_aws_day_cost", float(amount), project_id, currency)

    def _read_budgets(self) -> None:
        store = BudgetStore(self._database)
        hard = [budget for budget in store.of() if budget.hard is not None][:_BUDGETS]
        for status in store.statuses(hard, lambda budget: self._today(budget.project_id)):
            budget, limit = status.budget, status.budget.hard or 0
            left = max(0.0, 1 - (status.spent + status.reserved) / limit) if limit else 0.0
            labels = budget.id, budget.scope, budget.scope_id, budget.measure, budget.period
            self._add("ml_guard_budget_left_ratio", left, *labels)

    def _today(self, project_id: str | None) -> date:
        return local_days(self._zone(project_id)).of(now_us())

    def _zone(self, project_id: str | None) -> str:
        default = self._settings.server.timezone
        return default if project_id is None else self._zones.get(project_id, default)

    def _add_day_end(self, name: str, day: str, project_id: str, *labels: str) -> None:
        _, end_us = local_days(self._zone(project_id)).bounds_us(date.fromisoformat(day))
        self._add(name, end_us / SECOND_US, project_id, *labels)


def _newest_first(days: Collection[NewestDays]) -> list[NewestDays]:
    by_key = sorted(days, key=lambda item: (item.project_id, item.model_id))
    return sorted(by_key, key=lambda item: item.day, reverse=True)
