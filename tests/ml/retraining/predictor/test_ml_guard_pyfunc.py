"""Registered models in MLflow's own tools: they answer what `/predict` answers, of the same rows."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from mlflow.exceptions import MlflowException

from guard_core.project_settings.labels import LabelSettings
from guard_core.project_settings.training import TrainingSpec
from ml.retraining.predictor.load import load_predictor
from ml.retraining.training.log_run import write_model
from ml.retraining.training.train import train
from tests.ml.retraining.training.samples import labelled_rows

ROWS: list[dict[str, Any]] = [
    {"x": x, "z": z, "plan": plan, "member": member}
    for x in (-2, 0, 1, 2, None)
    for z in (0.25, None)
    for plan in ("pro", "never seen", None)
    for member in (True, False, None)
]
_SPELLINGS = {"words": ("no", "yes"), "booleans": ("false", "true"), "mixed": ("0", "late")}


def _model(kind: str, folder: Path, threshold: float = 0.5) -> Path:
    """Write a model folder; kinds beside the tasks are binary ones with other spellings of the labels, and `ordinal`."""
    rows = labelled_rows(600, task=kind if kind in ("multiclass", "regression") else "binary")
    labels = rows["y_true"].to_pylist()
    if kind in _SPELLINGS:
        labels = [_SPELLINGS[kind][int(label)] for label in labels]
    if kind == "ordinal":
        grades = rows["feature_z"].to_numpy()
        labels = [str(grade) for grade in np.digitize(grades, [-1.0, 1.0])]
    rows = rows.set_column(rows.schema.get_field_index("y_true"), "y_true", pa.array(labels))
    settings = LabelSettings(task="ordinal") if kind == "ordinal" else LabelSettings()
    spec = TrainingSpec(algorithms=("linear",), threshold=threshold)
    write_model(folder / kind, train(rows, spec, lambda _: None, 7, labels=settings))
    return folder / kind


@pytest.mark.parametrize("kind", ["binary", "words", "booleans", "mixed", "multiclass", "ordinal", "regression"])
def test_mlflow_predicts_what_the_predictor_does(kind: str, tmp_path: Path) -> None:
    folder = _model(kind, tmp_path, threshold=0.2)
    predictor = load_predictor(folder)
    expected, probabilities = predictor.predict(ROWS)
    model = mlflow.pyfunc.load_model(str(folder))
    predicted = model.predict(pd.DataFrame(ROWS)).tolist()
    if kind == "regression":
        assert predicted == pytest.approx(expected, abs=1e-4)
        return
    assert predicted == expected
    assert list(map(type, predicted)) == list(map(type, expected))
    if probabilities is not None:
        scores = model.predict(pd.DataFrame(ROWS), params={"predict_method": "predict_proba"})
        np.testing.assert_allclose(scores, predictor.scores(ROWS), atol=1e-4)
        assert model.metadata.metadata["classes"] == list(predictor.schema.classes)


def test_a_threshold_of_the_model_decides_the_class(tmp_path: Path) -> None:
    model = mlflow.pyfunc.load_model(str(_model("binary", tmp_path, threshold=0.2)))
    late = model.predict(pd.DataFrame(ROWS), params={"predict_method": "predict_proba"})[:, 1]
    assert ((late > 0.2) & (late < 0.5)).any()
    assert model.predict(pd.DataFrame(ROWS)).tolist() == (late >= 0.2).astype(int).tolist()


@pytest.mark.parametrize(
    "x",
    [pd.array([1, None], "Int64"), [1.0, np.nan], [None, None], pd.array([3, 4], "int64"), np.array([3, 4], "int8")],
)
def test_integers_are_numbers_with_and_without_nulls(x: Any, tmp_path: Path) -> None:
    folder = _model("regression", tmp_path)
    frame = pd.DataFrame({"x": x, "z": [0.5, 0.5], "plan": ["pro", None], "member": [1.0, np.nan]})
    rows = [
        {"x": None if pd.isna(value) else float(value), "z": 0.5, "plan": plan, "member": member}
        for value, plan, member in zip(x, ("pro", None), (True, None), strict=True)
    ]
    expected, _ = load_predictor(folder).predict(rows)
    assert mlflow.pyfunc.load_model(str(folder)).predict(frame).tolist() == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"x": "much"}, "feature x must be a number, got 'much' in row 1"),
        ({"x": True}, "feature x must be a number, got True in row 1"),
        ({"x": 10**400}, "feature x must be a finite number from"),
        ({"x": float("inf")}, "feature x must be a finite number from"),
        ({"plan": 3}, "feature plan must be a string, got 3 in row 1"),
        ({"member": 2}, "feature member must be true or false, got 2 in row 1"),
    ],
)
def test_a_value_that_predict_refuses_is_named(changed: dict[str, Any], message: str, tmp_path: Path) -> None:
    model = mlflow.pyfunc.load_model(str(_model("binary", tmp_path)))
    frame = pd.DataFrame([ROWS[0], {**ROWS[0], **changed}], dtype=object)
    with pytest.raises(MlflowException, match=message):
        model.predict(frame)


def test_a_method_that_the_model_does_not_have_is_refused(tmp_path: Path) -> None:
    frame = pd.DataFrame(ROWS)
    binary = mlflow.pyfunc.load_model(str(_model("binary", tmp_path)))
    with pytest.raises(MlflowException, match="predict_method: must be one of predict, predict_proba, got 'guess'"):
        binary.predict(frame, params={"predict_method": "guess"})
    with pytest.raises(MlflowException, match="missing inputs"):
        binary.predict(frame.drop(columns="plan"))
    assert mlflow.pyfunc.load_model(str(_model("regression", tmp_path))).metadata.signature.params is None


def test_the_model_loads_where_ml_guard_is_not_installed(tmp_path: Path) -> None:
    folder = _model("binary", tmp_path, threshold=0.2)
    script = (
        "import sys\n"
        "sys.modules.update(dict.fromkeys(('ml', 'guard_core', 'guard_store', 'serving')))\n"
        "import json, mlflow, pandas as pd\n"
        "rows = pd.DataFrame(json.load(sys.stdin))\n"
        "print(json.dumps(mlflow.pyfunc.load_model(sys.argv[1]).predict(rows).tolist()))\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", script, str(folder)],
        input=json.dumps(ROWS),
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout.splitlines()[-1]) == load_predictor(folder).predict(ROWS)[0]
