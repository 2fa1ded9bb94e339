"""Logging of a training to MLflow: the run, its model folder and its evaluation.

What a run states of its training is in `run_facts`; training and evaluating do not belong here.
"""

import itertools
import json
import os
import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import packages_distributions, version
from pathlib import Path
from typing import TYPE_CHECKING

from ml.retraining.predictor.frame import rows_of_frame
from ml.retraining.predictor.load import BACKGROUND, ONNX, ONNX_CHECK, SCHEMA
from ml.retraining.training.onnx_export import export_onnx
from ml.retraining.training.run_facts import batches_of_params, metadata_of, signature_of, source_tags
from ml.retraining.training.trained import Trained, TrainingError

if TYPE_CHECKING:
    from mlflow import MlflowClient

MODEL = "model"
EVALUATION = "evaluation"
LEFT_OUT = "left_out.json"
# By default MLflow retries for minutes to reach a server that is down.
# Without the program git, GitPython's import would fail, and MLflow warn.
_MLFLOW_DEFAULTS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "GIT_PYTHON_REFRESH": "quiet",
}
_BACKGROUND_ROWS = 100
_EXAMPLE_ROWS = 5
_REQUIREMENTS = ("scikit-learn", "skops", "numpy", "pandas", "scipy")


@dataclass(frozen=True)
class Tracking:
    """The store of runs; `artifacts` is the folder or URL of files without a server, None if the server decides."""

    uri: str
    artifacts: str | None = None

    def client(self) -> "MlflowClient":
        """Create a client."""
        set_mlflow_defaults()
        from mlflow import MlflowClient

        return MlflowClient(tracking_uri=self.uri)

    def require(self) -> None:
        """Raise an error unless the store can keep runs.

        Raises
        ------
        TrainingError
            If the store does not answer.
        """
        try:
            self.client().search_experiments(max_results=1)
        except Exception as error:  # MLflow passes on the errors of its database and its HTTP client
            reason = " ".join(str(error).split())[:300]
            raise TrainingError(f"{self.uri} cannot keep runs: {reason}") from error


def set_mlflow_defaults() -> None:
    """Set MLflow's environment variables that the operator has not set; call it before MLflow is imported."""
    for name, value in _MLFLOW_DEFAULTS.items():
        os.environ.setdefault(name, value)


def log_candidate(tracking: Tracking, experiment: str, trained: Trained, tags: Mapping[str, str]) -> str:
    """Log a training as a finished run, with its model folder under `model/` and `left_out.json`, and return the run's id.

    A run that cannot be completed ends as FAILED, so that it is not mistaken for a model.
    """
    client = tracking.client()
    run_tags = source_tags(tags)
    run_id = str(client.create_run(_experiment_id(client, experiment, tracking), tags=run_tags).info.run_id)
    try:
        for params in batches_of_params(trained):
            client.log_batch(run_id, params=params)
        for name, score in trained.scores.items():
            client.log_metric(run_id, f"validation_{trained.metric}.{name.replace(':', '.')}", score)
        with tempfile.TemporaryDirectory() as folder:
            write_model(Path(folder) / MODEL, trained)
            _write_left_out(Path(folder) / LEFT_OUT, trained)
            client.log_artifacts(run_id, folder)
    except BaseException:
        client.set_terminated(run_id, "FAILED")
        raise
    client.set_terminated(run_id, "FINISHED")
    return run_id


def finished_run(tracking: Tracking, experiment: str, tag: str, value: str) -> str | None:
    """Return the id of the finished run of an experiment that has this tag; None if there is none."""
    client = tracking.client()
    stored = client.get_experiment_by_name(experiment)
    if stored is None:
        return None
    runs = client.search_runs(
        [stored.experiment_id], f"tags.`{tag}` = '{value}' and attributes.status = 'FINISHED'", max_results=1
    )
    return str(runs[0].info.run_id) if runs else None


def log_evaluation(tracking: Tracking, run_id: str, metrics: Mapping[str, float], folder: Path) -> None:
    """Add an evaluation to a run: its metrics, and a folder of files under `evaluation/`."""
    client = tracking.client()
    for name, value in metrics.items():
        client.log_metric(run_id, name, value)
    client.log_artifacts(run_id, str(folder), EVALUATION)


def write_model(folder: Path, trained: Trained) -> None:
    """Write a model folder that both `ml.retraining.predictor.load` and MLflow's tools can read."""
    with warnings.catch_warnings():
        # MLflow warns about its own types, integer columns and formats, which the operator cannot act on.
        warnings.simplefilter("ignore")
        _save_flavors(folder, trained)
    content, check = export_onnx(trained)
    (folder / "guard").mkdir()
    (folder / SCHEMA).write_text(trained.schema.to_json(), encoding="utf-8")
    (folder / ONNX_CHECK).write_text(json.dumps(check, indent=1), encoding="utf-8")
    background = rows_of_frame(trained.sample.head(_BACKGROUND_ROWS), trained.schema)
    (folder / BACKGROUND).write_text(json.dumps(background, allow_nan=False), encoding="utf-8")
    if content is not None:
        (folder / ONNX).write_bytes(content)


def _save_flavors(folder: Path, trained: Trained) -> None:
    """Save the model with two flavors: the pipeline as scikit-learn's, and pyfunc's, which answers as `/predict` does."""
    import mlflow.pyfunc
    import mlflow.sklearn
    import pandas as pd
    from mlflow.models import Model

    from ml.retraining.predictor import ml_guard_pyfunc

    model = Model(metadata=metadata_of(trained.schema))
    mlflow.sklearn.save_model(
        trained.pipeline,
        str(folder),
        mlflow_model=model,
        serialization_format="skops",
        skops_trusted_types=list(trained.types),
        signature=signature_of(trained.schema),
        input_example=pd.DataFrame(rows_of_frame(trained.sample.head(_EXAMPLE_ROWS), trained.schema), dtype=object),
        code_paths=[ml_guard_pyfunc.__file__],
        pip_requirements=_requirements(trained),
    )
    environment = model.flavors["python_function"]["env"]
    mlflow.pyfunc.add_to_model(
        model,
        ml_guard_pyfunc.__name__.rpartition(".")[2],
        code="code",
        conda_env=environment["conda"],
        python_env=environment["virtualenv"],
    )
    model.save(str(folder / "MLmodel"))


def _requirements(trained: Trained) -> list[str]:
    """Return the pinned distributions that the model is loaded with, those of a custom model's types included."""
    by_package = _distributions_by_package()
    of_types = (by_package.get(name.partition(".")[0], []) for name in trained.types)
    names = dict.fromkeys((*_REQUIREMENTS, *itertools.chain.from_iterable(of_types)))
    return [f"{name}=={version(name)}" for name in names]


@cache
def _distributions_by_package() -> Mapping[str, Sequence[str]]:
    """Return the distributions of each importable package, read once a process: reading all that is installed takes 0.3 s."""
    return packages_distributions()


def _write_left_out(path: Path, trained: Trained) -> None:
    """Write what was left out to a file: parameters accept few characters in names, and cut long values off."""
    content = {"left_out": dict(trained.left_out), "rare_labels": dict(trained.rare_labels)}
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")


def _experiment_id(client: "MlflowClient", name: str, tracking: Tracking) -> str:
    from mlflow.exceptions import MlflowException

    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        root = None if tracking.artifacts is None else f"{tracking.artifacts.rstrip('/')}/{name}"
        try:
            return str(client.create_experiment(name, artifact_location=root))
        except MlflowException:  # another process has created it in the meantime
            experiment = client.get_experiment_by_name(name)
            if experiment is None:
                raise
    return str(experiment.experiment_id)
