"""A training kept as a run of MLflow, with its model folder and its evaluation: the one place of ml that knows MLflow."""

import json
import os
import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ml.retraining.predictor.load import ONNX, ONNX_CHECK, SCHEMA
from ml.retraining.predictor.native import TRUSTED
from ml.retraining.training.onnx_export import export_onnx
from ml.retraining.training.spec import Trained, TrainingError

if TYPE_CHECKING:
    from mlflow import MlflowClient

MODEL = "model"
EVALUATION = "evaluation"
# MLflow itself would try for minutes to reach a server that is down.
_MANNERS = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2"}
_REQUIREMENTS = ("scikit-learn", "skops", "numpy", "pandas", "scipy")


@dataclass(frozen=True)
class Tracking:
    """Where runs are kept; `artifacts` is a folder or URL of a store without a server, None where a server decides."""

    uri: str
    artifacts: str | None = None

    def client(self) -> "MlflowClient":
        """A client of its own."""
        teach_manners()
        from mlflow import MlflowClient

        return MlflowClient(tracking_uri=self.uri)

    def require(self) -> None:
        """Go on only where runs can be kept.

        Raises
        ------
        TrainingError
            If the store does not answer.
        """
        try:
            self.client().search_experiments(max_results=1)
        except Exception as error:  # MLflow hands on what its database and its HTTP client raise
            reason = " ".join(str(error).split())[:300]
            raise TrainingError(f"{self.uri} cannot keep runs: {reason}") from error


def teach_manners() -> None:
    """Settings of MLflow itself that hold where nobody has chosen others; before it is imported."""
    for name, value in _MANNERS.items():
        os.environ.setdefault(name, value)


def log_candidate(tracking: Tracking, experiment: str, trained: Trained, tags: Mapping[str, str]) -> str:
    """Keep a training as a finished run, with its model folder under `model/`; returns the run's id.

    A run that cannot be completed is left as FAILED, so that nobody takes it for a model.
    """
    client = tracking.client()
    run_id = str(client.create_run(_experiment_id(client, experiment, tracking), tags=dict(tags)).info.run_id)
    try:
        for name, value in _parameters(trained).items():
            client.log_param(run_id, name, value)
        for name, score in trained.scores.items():
            client.log_metric(run_id, f"validation_{trained.metric}.{name.replace(':', '.')}", score)
        with tempfile.TemporaryDirectory() as folder:
            write_model(Path(folder) / MODEL, trained)
            client.log_artifacts(run_id, folder)
    except BaseException:
        client.set_terminated(run_id, "FAILED")
        raise
    client.set_terminated(run_id, "FINISHED")
    return run_id


def finished_run(tracking: Tracking, experiment: str, tag: str, value: str) -> str | None:
    """The finished run of an experiment that has this tag, if there is one."""
    client = tracking.client()
    found = client.get_experiment_by_name(experiment)
    if found is None:
        return None
    runs = client.search_runs(
        [found.experiment_id], f"tags.`{tag}` = '{value}' and attributes.status = 'FINISHED'", max_results=1
    )
    return str(runs[0].info.run_id) if runs else None


def log_evaluation(tracking: Tracking, run_id: str, metrics: Mapping[str, float], folder: Path) -> None:
    """Add what the held-out window has shown to a run: metrics, and a folder of files under `evaluation/`."""
    client = tracking.client()
    for name, value in metrics.items():
        client.log_metric(run_id, name, value)
    client.log_artifacts(run_id, str(folder), EVALUATION)


def write_model(folder: Path, trained: Trained) -> None:
    """Write a model folder that `ml.retraining.predictor.load` and MLflow's own tools read."""
    import mlflow.sklearn
    from mlflow.models import infer_signature

    example = trained.sample.head(5)
    answer = trained.pipeline.predict(example)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow's notes about integers and formats are not for the reader of a log
        mlflow.sklearn.save_model(
            trained.pipeline,
            str(folder),
            serialization_format="skops",
            skops_trusted_types=list(TRUSTED),
            signature=infer_signature(example, answer),
            pip_requirements=[f"{name}=={version(name)}" for name in _REQUIREMENTS],
        )
    content, check = export_onnx(trained)
    (folder / "guard").mkdir()
    (folder / SCHEMA).write_text(trained.schema.to_json(), encoding="utf-8")
    (folder / ONNX_CHECK).write_text(json.dumps(check, indent=1), encoding="utf-8")
    (folder / "input_example.json").write_text(example.to_json(orient="split"), encoding="utf-8")
    if content is not None:
        (folder / ONNX).write_bytes(content)


def _parameters(trained: Trained) -> dict[str, Any]:
    return {
        "algorithm": trained.algorithm,
        "seed": trained.seed,
        "rows": trained.rows,
        "features": len(trained.schema.features),
        "task": trained.schema.task,
        "seconds": round(trained.seconds, 3),
        **{f"left_out.{name}": reason for name, reason in trained.left_out.items()},
    }


def _experiment_id(client: "MlflowClient", name: str, tracking: Tracking) -> str:
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(name)
    if found is None:
        root = None if tracking.artifacts is None else f"{tracking.artifacts.rstrip('/')}/{name}"
        try:
            return str(client.create_experiment(name, artifact_location=root))
        except MlflowException:  # somebody else was faster
            found = client.get_experiment_by_name(name)
            if found is None:
                raise
    return str(found.experiment_id)
