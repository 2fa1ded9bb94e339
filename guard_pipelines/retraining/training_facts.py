"""The facts of a training on its cards, and as tags of its MLflow run."""

import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

from guard_store.retraining.flag import Flag
from guard_store.retraining.reasons import reason_text
from guard_store.retraining.training_runs import TrainingRun
from ml.retraining.training.cards import lake_facts
from ml.retraining.training.log_run import Tracking
from ml.retraining.training.run_facts import THRESHOLD_REASON


def facts_of(flag: Flag, run: TrainingRun, tracking: Tracking, left_out: Path | None) -> dict[str, Any]:
    """Return the facts that the cards show; `left_out` is a file of the run, which those of earlier versions lack."""
    unknown: dict[str, Any] = {"left_out": {}, "rare_labels": {}}
    params = tracking.client().get_run(str(run.mlflow_run_id)).data
    prefix = "validation_"
    scores = {name.removeprefix(prefix): value for name, value in params.metrics.items() if name.startswith(prefix)}
    return {
        "name": f"{flag.project_id}/{flag.model_id}",
        "algorithm": params.params["algorithm"],
        "flag": flag.id,
        "reasons": [reason_text(reason) for reason in flag.reasons],
        "data_version": str(run.data["lake_version"]),
        "trained_from": run.data["first_day"],
        "trained_to": run.data["last_day"],
        "held_from": run.data["held_first_day"],
        "held_to": run.data["held_last_day"],
        "rows": run.data["rows"],
        "held_rows": run.data["held_rows"],
        "code_version": version("ml-guard"),
        "scores": scores,
        "threshold_reason": params.params.get(THRESHOLD_REASON, ""),
        **lake_facts(flag.id),
        **(unknown if left_out is None else json.loads(left_out.read_text(encoding="utf-8"))),
    }


def tags_of(flag: Flag, run: TrainingRun) -> dict[str, str]:
    """Return the tags of the MLflow run, by which it is found from the data and the flag."""
    return {
        "mlflow.runName": f"{flag.day} {flag.id[:8]}",
        "ml_guard.project_id": flag.project_id,
        "ml_guard.model_id": flag.model_id,
        "ml_guard.lake_version": str(run.data["lake_version"]),
        "ml_guard.data_sha256": run.data["sha256"],
        "ml_guard.code_version": version("ml-guard"),
    }
