"""Service behind the lineage route: each part is looked up by an id that the previous part contains."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from guard_core.columns import feature_name
from guard_core.days import from_microseconds, local_days
from guard_store.ingest.labels import LabelStore
from guard_store.ingest.predictions import Prediction, PredictionStore
from guard_store.ledger.checkpoints import Checkpoint
from guard_store.ledger.store import LedgerStore
from guard_store.monitoring.baselines import BaselineStore
from guard_store.monitoring.drift_reports import DriftReportStore, StoredReport
from guard_store.projects.store import ProjectStore
from guard_store.retraining.flag import Flag
from guard_store.retraining.flags import FlagStore
from guard_store.retraining.registry import Registry
from guard_store.retraining.training_runs import TrainingRun, TrainingRunStore
from serving.auth.principal import Principal
from serving.http.problems import Conflict, Forbidden, NotFound
from serving.retraining.lineage.schemas import (
    BaselinePart,
    CheckpointPart,
    DayPart,
    DriftPart,
    FlagPart,
    LabelPart,
    LedgerPart,
    Lineage,
    PredictionPart,
    RunPart,
    VersionPart,
)


@dataclass(frozen=True, slots=True)
class _Origin:
    """The start of a trail: `key` is project and model; the rest is what the traced id leads to directly."""

    key: tuple[str, str]
    version: str | None = None
    prediction: Prediction | None = None
    run: TrainingRun | None = None
    flag: Flag | None = None


class LineageService:
    """Follow ids from a prediction back to the data that its model was trained on."""

    def __init__(
        self,
        registry: Registry,
        trainings: TrainingRunStore,
        flags: FlagStore,
        predictions: PredictionStore,
        drift_reports: DriftReportStore,
        baselines: BaselineStore,
        labels: LabelStore,
        *,
        ledger: LedgerStore,
        projects: ProjectStore,
    ) -> None:
        self._registry = registry
        self._trainings = trainings
        self._flags = flags
        self._predictions = predictions
        self._drift_reports = drift_reports
        self._baselines = baselines
        self._labels = labels
        self._ledger = ledger
        self._projects = projects

    def trace(self, caller: Principal, trace_id: str, project_id: str | None) -> Lineage:
        """Return the lineage of an id.

        Raises
        ------
        NotFound
            If nothing has this id, or the key has no access to the project that it belongs to.
        Conflict
            If events of several projects have this id, and none of the projects is named.
        """
        origin = self._origin(trace_id, project_id or caller.project_id)
        if origin is None or not _has_access(caller, origin.key[0]):
            raise _not_found(trace_id)
        key, version = origin.key, origin.version
        run = origin.run or (self._trainings.of_version(*key, version) if version else None)
        is_stored = origin.prediction is not None or run is not None or origin.flag is not None
        if not is_stored and (version is None or self._registry.version(*key, version) is None):
            raise _not_found(trace_id)
        return self._lineage(replace(origin, run=run))

    def _origin(self, trace_id: str, project_id: str | None) -> _Origin | None:
        run = self._trainings.of_run(trace_id) or self._trainings.of_flag(trace_id)
        if run is not None:
            return _Origin((run.project_id, run.model_id), run.model_version, run=run)
        flag = self._flags.flag(trace_id)
        if flag is not None:
            return _Origin((flag.project_id, flag.model_id), flag=flag)
        if "~" in trace_id and "/" in trace_id:
            names, _, version = trace_id.rpartition("/")
            project, _, model = names.partition("~")
            return _Origin((project, model), version)
        predictions = self._predictions.find(trace_id, project_id)
        if len(predictions) > 1:
            raise _ambiguous(trace_id, [prediction.project_id for prediction in predictions])
        if not predictions:
            return None
        (prediction,) = predictions
        return _Origin((prediction.project_id, prediction.model_id), prediction.model_version, prediction=prediction)

    def _lineage(self, origin: _Origin) -> Lineage:
        key, version, run, prediction = origin.key, origin.version, origin.run, origin.prediction
        flag = origin.flag or (self._flags.flag(run.flag_id) if run else None)
        reports = self._drift_reports.days(*key, flag.day, flag.day) if flag else []
        report = reports[0] if reports else None
        aliases = self._registry.aliases(*key) if version else {}
        return Lineage(
            project_id=key[0],
            model_id=key[1],
            prediction=None if prediction is None else _prediction(prediction),
            day=None if prediction is None else self._day(prediction),
            label=None if prediction is None else self._label(prediction),
            ledger_row=None if prediction is None else self._ledger_row(prediction),
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

    def _day(self, prediction: Prediction) -> DayPart | None:
        project = self._projects.get(prediction.project_id)
        if project is None:
            return None
        day = local_days(project.timezone).of(prediction.ts_us).isoformat()
        reports = self._drift_reports.days(prediction.project_id, prediction.model_id, day, day)
        drift = _report(reports[0]) if reports else None
        return DayPart(
            day=day, drift_state=None if drift is None else drift.state, drifted=[] if drift is None else drift.drifted
        )

    def _label(self, prediction: Prediction) -> LabelPart | None:
        label = self._labels.newest(prediction.project_id, prediction.event_id)
        if label is None:
            return None
        return LabelPart(
            y_true=json.loads(label.y_true),
            observed_at=from_microseconds(label.observed_us),
            received_at=from_microseconds(label.received_us),
        )

    def _ledger_row(self, prediction: Prediction) -> LedgerPart | None:
        if prediction.request_id is None:
            return None
        row = self._ledger.row_of_event(prediction.project_id, prediction.request_id, prediction.received_us)
        if row is None:
            return None
        checkpoint = self._ledger.covering_checkpoint(row.seq)
        return LedgerPart(
            seq=row.seq,
            at=from_microseconds(row.at_us),
            hash=row.hash,
            checkpoint=None if checkpoint is None else _checkpoint(checkpoint),
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
        input=json.loads(prediction.features),
        prediction=json.loads(prediction.y_pred),
        probability=prediction.y_proba,
    )


def _checkpoint(checkpoint: Checkpoint) -> CheckpointPart:
    return CheckpointPart(
        seq=checkpoint.seq,
        hash=checkpoint.hash,
        kind=checkpoint.kind,
        made_at=from_microseconds(checkpoint.made_us),
        public_key=checkpoint.public_key,
        signature=checkpoint.signature,
        is_signed=checkpoint.is_signed,
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
        f"Nothing that your key opens has the id {trace_id!r}: send an event id, the request id of a prediction,"
        " project~model/version, a run id, or a flag id."
    )


def _ambiguous(trace_id: str, projects: Sequence[str]) -> Conflict:
    return Conflict(
        f"Events of {len(projects)} projects have the id {trace_id!r}: {', '.join(projects)}; name one with ?project_id=…",
        projects=projects,
    )
