"""Service behind the lineage route: each part is looked up by an id that the previous part contains."""

import json

from guard_core.columns import feature_name
from guard_core.days import from_microseconds
from guard_store.ingest.predictions import Prediction, PredictionStore
from guard_store.monitoring.baselines import BaselineStore
from guard_store.monitoring.drift_reports import DriftReportStore, StoredReport
from guard_store.retraining.flag import Flag
from guard_store.retraining.flags import RetrainStore
from guard_store.retraining.registry import Registry
from guard_store.retraining.training_runs import TrainingRun, TrainingRunStore
from serving.auth.principal import Principal
from serving.http.problems import Forbidden, NotFound
from serving.retraining.lineage.schemas import (
    BaselinePart,
    DriftPart,
    FlagPart,
    Lineage,
    PredictionPart,
    RunPart,
    VersionPart,
)


class LineageService:
    """Follow ids from a prediction back to the data that its model was trained on."""

    def __init__(
        self,
        registry: Registry,
        trainings: TrainingRunStore,
        flags: RetrainStore,
        predictions: PredictionStore,
        drift_reports: DriftReportStore,
        baselines: BaselineStore,
    ) -> None:
        self._registry = registry
        self._trainings = trainings
        self._flags = flags
        self._predictions = predictions
        self._drift_reports = drift_reports
        self._baselines = baselines

    def trace(self, caller: Principal, trace_id: str, project_id: str | None) -> Lineage:
        """Return the lineage of an id.

        Raises
        ------
        NotFound
            If nothing has this id, or the key has no access to the project that it belongs to.
        """
        prediction: Prediction | None = None
        version: str | None = None
        run = self._trainings.of_run(trace_id) or self._trainings.of_flag(trace_id)
        flag = self._flags.flag(trace_id)
        key: tuple[str, str] | None = None
        if run is not None:
            key, version = (run.project_id, run.model_id), run.model_version
        elif flag is not None:
            key = flag.project_id, flag.model_id
        elif "~" in trace_id and "/" in trace_id:
            names, _, version = trace_id.rpartition("/")
            project, _, model = names.partition("~")
            key = project, model
        else:
            prediction = self._predictions.find(trace_id, project_id or caller.project_id)
            if prediction is not None:
                key, version = (prediction.project_id, prediction.model_id), prediction.model_version
        if key is None or not _has_access(caller, key[0]):
            raise _not_found(trace_id)
        run = run or (self._trainings.of_version(*key, version) if version else None)
        registered = self._registry.version(*key, version) if version else None
        if prediction is None and run is None and flag is None and registered is None:
            raise _not_found(trace_id)
        return self._lineage(key, prediction, version, run, flag)

    def _lineage(
        self,
        key: tuple[str, str],
        prediction: Prediction | None,
        version: str | None,
        run: TrainingRun | None,
        flag: Flag | None,
    ) -> Lineage:
        flag = flag or (self._flags.flag(run.flag_id) if run else None)
        reports = self._drift_reports.days(*key, flag.day, flag.day) if flag else []
        report = reports[0] if reports else None
        aliases = self._registry.aliases(*key) if version else {}
        return Lineage(
            project_id=key[0],
            model_id=key[1],
            prediction=None if prediction is None else _prediction(prediction),
            model_version=None
            if version is None
            else VersionPart(
                version=version, aliases=[alias for alias, number in aliases.items() if number == version]
            ),
            training_run=None if run is None else _run(run),
            flag=None if flag is None else _flag(flag),
            drift_report=None if report is None else _report(report),
            baseline=self._baseline(key, report),
        )

    def _baseline(self, key: tuple[str, str], report: StoredReport | None) -> BaselinePart | None:
        if report is None or report.baseline_id is None:
            return None
        baseline = next((item for item in self._baselines.versions(*key) if item.id == report.baseline_id), None)
        if baseline is None:
            return None
        return BaselinePart(id=baseline.id, version=baseline.version, start=baseline.start_day, end=baseline.end_day)


def _prediction(prediction: Prediction) -> PredictionPart:
    return PredictionPart(
        event_id=prediction.event_id,
        request_id=prediction.request_id,
        timestamp=from_microseconds(prediction.ts_us),
        prediction=json.loads(prediction.y_pred),
        probability=prediction.y_proba,
    )


def _run(run: TrainingRun) -> RunPart:
    return RunPart(
        mlflow_run_id=run.mlflow_run_id, dagster_run_id=run.dagster_run_id, state=run.state, data=dict(run.data)
    )


def _flag(flag: Flag) -> FlagPart:
    return FlagPart(id=flag.id, day=flag.day, forced=flag.forced, reasons=[dict(reason) for reason in flag.reasons])


def _report(report: StoredReport) -> DriftPart:
    drifted = [feature_name(column) for column in report.report["drifted"]]
    return DriftPart(day=report.day, state=report.state, drifted=drifted, baseline_id=report.baseline_id)


def _has_access(caller: Principal, project_id: str) -> bool:
    try:
        caller.require("analyst", project_id)
    except Forbidden:
        return False
    return True


def _not_found(trace_id: str) -> NotFound:
    return NotFound(
        f"Nothing that your key opens has the id {trace_id!r}: send a request id or event id of a prediction,"
        " project~model/version, a run id, or a flag id."
    )
