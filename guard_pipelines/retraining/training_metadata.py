"""Metadata of a training's materialisations on Dagster's pages.

Facts on the cards of a model, and tags of its MLflow run, are in `training_facts`.
"""

from typing import Any

import dagster as dg

from guard_core.alerting import links
from guard_core.alerting.links import Addresses
from guard_core.settings import Settings
from guard_store.retraining.training_runs import TrainingRun


def metadata_of(run: TrainingRun, settings: Settings) -> dict[str, Any]:
    """Return the metadata of the steps of a training: flag, data, version and decision, with links to MLflow and our pages."""
    evaluation = run.evaluation or {}
    facts: dict[str, Any] = {
        "flag_id": run.flag_id,
        "lake_version": run.data["lake_version"],
        "rows": run.data["rows"],
        "held_out_rows": run.data["held_rows"],
        "mlflow_run_id": run.mlflow_run_id,
        "model_version": run.model_version,
        "promote": evaluation.get("promote"),
        "gain": evaluation.get("gain", {}).get("value"),
        "reasons": "; ".join(evaluation.get("reasons", [])) or None,
    }
    targets: dict[str, str] = {}
    if run.mlflow_run_id is not None:
        targets |= links.of_training_run(run.mlflow_run_id)
    if run.model_version is not None:
        targets |= links.of_version(run.project_id, run.model_id, run.model_version)
    urls = {name: dg.MetadataValue.url(url) for name, url in Addresses.of(settings).urls(targets).items()}
    return {name: value for name, value in facts.items() if value is not None} | urls
