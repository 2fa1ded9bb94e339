"""Evaluate the retrain rule on drift reports, performance and age of a model, raise a flag if it recommends training, and look at the probation of its champion.

The rule is in `ml.retraining.rule`; collecting its evidence belongs here.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from functools import partial
from typing import Any

from guard_core.days import local_days
from guard_core.project_settings.project import settings_of_model
from guard_core.project_settings.retrain import RetrainSettings
from guard_core.project_settings.training import TrainingSpec
from guard_core.settings import Settings
from guard_pipelines.days.loop import Outcome, Scope, StageRun, run_stage
from guard_pipelines.retraining.probation import advance_probation
from guard_pipelines.retraining.training_data import known_rows
from guard_store.day_state.day_state import DayState
from guard_store.db.database import Database
from guard_store.lake.store import Lake
from guard_store.monitoring.baselines import Baseline, BaselineStore
from guard_store.monitoring.drift_reports import DriftReportStore
from guard_store.monitoring.performance import PerformanceStore, StoredPerformance
from guard_store.projects.store import ProjectStore
from guard_store.retraining.decisions import DecisionStore
from guard_store.retraining.evaluations import EvaluationStore
from guard_store.retraining.flags import FlagStore
from guard_store.retraining.labelled_rows import LabelledRows
from guard_store.retraining.reasons import objection_text, reason_text
from guard_store.retraining.training_runs import TrainingRun, TrainingRunStore
from ml.monitoring.performance.day_comparison import WINDOWS, DayValue
from ml.monitoring.performance.reference import daily_values
from ml.retraining.promotion import PRIMARY
from ml.retraining.rule import DayEvidence, DecidingMetric, ModelState, recommend

_LOOK_BACK_DAYS = 366
_COMPARED_DAYS = 4 * max(WINDOWS)  # some models have no events on most days


def evaluate_days(scope: Scope, database: Database, lake: Lake, settings: Settings) -> Outcome:
    """Apply the rule once to each model with days to process, at the newest of its days that is judged and measured."""
    return run_stage("retrain", scope, database, settings, partial(_evaluate_model, database, lake, settings))


def _evaluate_model(
    database: Database, lake: Lake, settings: Settings, run: StageRun, items: Sequence[DayState]
) -> None:
    newest = items[-1]
    with run.isolate(newest, with_days=items[:-1]):
        day = run.store.newest_measured(*newest.key[:2]) or newest
        cells = _evaluate(database, lake, day, run.run_id, newest.request_id)
        # After the rule, which needs no registry; before the mark, so that a registry that is down makes the day due again.
        cells["probation"] = advance_probation(database, lake, settings, day)
        run.mark(items)
        run.outcome.add(day, **cells)


def _evaluate(database: Database, lake: Lake, item: DayState, run_id: str, request_id: str | None) -> dict[str, Any]:
    project = ProjectStore(database).get(item.project_id)
    of_project = project.settings if project else {}
    settings = settings_of_model(of_project, item.model_id, RetrainSettings)
    spec = settings_of_model(of_project, item.model_id, TrainingSpec)
    snapshot = lake.snapshot(item.project_id, item.model_id)
    known = LabelledRows({})
    if snapshot is not None:
        zone = local_days(project.timezone if project else "UTC")
        known = known_rows(
            snapshot,
            item.bounds_us[1],
            zone,
            spec,
            lambda rows: rows.rows >= settings.min_labelled_rows and rows.trained_rows(spec) >= spec.min_rows,
        ).numbers
    days = _read_evidence(database, item, settings.of_days)
    state = _read_model_state(database, item, known, spec)
    recommendation = recommend(days, state, settings)
    flag = EvaluationStore(database).replace(
        *item.key,
        recommended=recommendation.recommended,
        result=recommendation.to_dict(),
        as_of_us=item.bounds_us[1],
        run_id=run_id,
        request_id=request_id,
    )
    return {
        "recommended": str(recommendation.recommended).lower(),
        "reasons": "; ".join(map(reason_text, recommendation.reasons)),
        "against": "; ".join(map(objection_text, recommendation.against)),
        "flag": "" if flag is None else flag.id,
    }


def _read_evidence(database: Database, item: DayState, days: int) -> list[DayEvidence]:
    """Read the newest days, up to the item's, that have a drift report; oldest first."""
    first = (item.local_date - timedelta(days=_LOOK_BACK_DAYS)).isoformat()
    recent = (item.local_date - timedelta(days=4 * days)).isoformat()
    reports = DriftReportStore(database).days(*item.key[:2], recent, item.day)
    if len(reports) < days:  # a model that has no events on most days
        reports = DriftReportStore(database).days(*item.key[:2], first, item.day)
    reports = reports[-days:]
    measured = {}
    if reports:
        measured = {row.day: row for row in PerformanceStore(database).days(*item.key[:2], reports[0].day, item.day)}
    return [collect_evidence(report.day, report.report, measured.get(report.day)) for report in reports]


def collect_evidence(day: str, report: Mapping[str, Any], performance: StoredPerformance | None) -> DayEvidence:
    """Collect the evidence of one day from its drift report and its performance."""
    return DayEvidence(
        day,
        {column["column"]: column["state"] for column in report.get("columns", [])},
        _metrics(performance, "realised"),
        _metrics(performance, "estimated"),
    )


def _metrics(performance: StoredPerformance | None, kind: str) -> Mapping[str, Any] | None:
    report = None if performance is None else performance.report.get(kind)
    return report["metrics"] if report else None


def _read_model_state(database: Database, item: DayState, known: LabelledRows, spec: TrainingSpec) -> ModelState:
    metric = read_metric(database, BaselineStore(database).in_force(*item.key[:2]).of(item.day), item)
    champion = _read_champion(database, item)
    last_flag = FlagStore(database).last_flag_day(*item.key)
    return ModelState(
        metric,
        {} if champion is None else (champion.evaluation or {}).get("importance", {}),
        None if champion is None else _days_between(champion.data["last_day"], item),
        None if last_flag is None else _days_between(last_flag, item),
        known.rows,
        known.late_labels,
        max(0, spec.min_rows - known.trained_rows(spec)),
    )


def read_metric(database: Database, baseline: Baseline | None, item: DayState) -> DecidingMetric | None:
    """Read the metric that decides, in a baseline and on the days up to the item's that are compared with it."""
    store = PerformanceStore(database)
    stored = None if baseline is None else store.reference(baseline.id)
    if baseline is None or stored is None or not stored.reference:
        return None
    name = PRIMARY[stored.reference["task"]]
    value = stored.reference["metrics"][name]["value"]
    if value is None:
        return None
    first = (item.local_date - timedelta(days=_COMPARED_DAYS)).isoformat()
    measured = [
        day
        for day in store.metric_days(*item.key[:2], first, item.day, name)
        if day.baseline_id == baseline.id and not baseline.start_day <= day.day <= baseline.end_day
    ]
    return DecidingMetric(
        name,
        value,
        {kind: daily_values(stored.reference, kind, name) for kind in ("realised", "estimated")},
        {
            "realised": _values((day.day, day.realised) for day in measured),
            "estimated": _values((day.day, day.estimated) for day in measured),
        },
    )


def _values(days: Iterable[tuple[str, Mapping[str, Any] | None]]) -> list[DayValue]:
    return [
        DayValue(day, metric["value"], metric["n"]) for day, metric in days if metric and metric["value"] is not None
    ]


def _read_champion(database: Database, item: DayState) -> TrainingRun | None:
    """Read the training of the present champion, by the newest decision that made one."""
    decision = DecisionStore(database).last(item.project_id, item.model_id, "promoted", "rolled_back")
    if decision is None or decision.version is None:
        return None
    return TrainingRunStore(database).of_version(item.project_id, item.model_id, decision.version)


def _days_between(day: str, item: DayState) -> int:
    return (item.local_date - date.fromisoformat(day)).days
