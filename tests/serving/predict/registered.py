"""Registered models for tests: small ones, trained once, that can be told apart by what they answer."""

from functools import cache
from typing import Any

import pyarrow as pa

from guard_core.ids import registered_name
from guard_core.project_settings.labels import LabelSettings
from guard_core.project_settings.training import TrainingSpec
from guard_core.settings import Settings
from guard_store.retraining.registry import CHAMPION, Registry
from ml.retraining.training.log_run import MODEL, Tracking, log_candidate
from ml.retraining.training.train import train
from ml.retraining.training.trained import Trained
from tests.ml.retraining.training.samples import ROW, labelled_rows

FEATURES = ROW
MODEL_ID = "late"


def register(
    settings: Settings,
    project_id: str,
    *,
    model_id: str = MODEL_ID,
    level: int | None = None,
    champion: bool = True,
    labels: tuple[str, str] = ("0", "1"),
    positive: str | None = None,
    threshold: float = 0.5,
) -> str:
    """Train, register and promote; a `level` makes a regression that answers about `1000 * level`. Returns the version."""
    tracking = Tracking(settings.storage.mlflow, settings.storage.mlflow_artifacts)
    run_id = log_candidate(
        tracking, registered_name(project_id, model_id), _trained(level, labels, positive, threshold), {}
    )
    registry = Registry(settings.storage.mlflow)
    made = registry.register(project_id, model_id, run_id, artifact=MODEL, flag_id=run_id)
    if champion:
        registry.set_alias(project_id, model_id, CHAMPION, made.version)
    return made.version


@cache
def _trained(level: int | None, labels: tuple[str, str], positive: str | None, threshold: float) -> Trained:
    rows = labelled_rows(500, task="binary" if level is None else "regression")
    values: Any = rows["y_true"].to_numpy()
    spelt = [labels[int(value)] for value in values] if level is None else values + 1000 * level
    rows = rows.set_column(rows.schema.get_field_index("y_true"), "y_true", pa.array(spelt))
    spec = TrainingSpec(algorithms=("linear",), threshold=threshold)
    return train(rows, spec, lambda _: None, 7, labels=LabelSettings(positive=positive))
