"""Predictions of a registered model in MLflow's own tools: the file is copied into each model folder and loaded from there.

It imports nothing of ML Guard, so that a model can be loaded and served where ML Guard is not installed. Serving by
`/predict` does not belong here; it reads the same folder with `load.py` and never runs this copy.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from mlflow.exceptions import MlflowException

_MAX_NUMBER = 3.4028235e38
_WHOLE_NUMBER = re.compile(r"-?(0|[1-9]\d{0,15})")
_METHODS = ("predict", "predict_proba")


class Model:
    """A model folder of ML Guard behind MLflow's interface; predictions are those of `/predict`.

    Parameters
    ----------
    pipeline : fitted, from `mlflow.sklearn.load_model`.
    schema : content of `guard/schema.json`.
    """

    def __init__(self, pipeline: Any, schema: dict[str, Any]) -> None:
        self.pipeline = pipeline
        self.schema = schema
        self._labels = [_label_of(text) for text in schema["classes"]]

    def predict(self, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> npt.NDArray[Any]:
        """Return the predictions for (n, features) rows: (n,); with the param `predict_method` the probabilities.

        Raises
        ------
        MlflowException
            If a feature is missing or has a value that `/predict` refuses, or the method does not exist.
        """
        method = (params or {}).get("predict_method", "predict")
        if method not in _METHODS:
            raise _invalid(f"predict_method: must be one of {', '.join(_METHODS)}, got {method!r}")
        if method == "predict_proba":
            return self.predict_proba(model_input)
        if self.schema["task"] in ("regression", "ordinal"):
            return self._numbers(np.asarray(self.pipeline.predict(self._frame(model_input)), dtype=np.float64))
        places = self._decided(self.predict_proba(model_input))
        return np.array([self._labels[place] for place in places.tolist()], dtype=self._label_dtype)

    def predict_proba(self, model_input: pd.DataFrame) -> npt.NDArray[np.float64]:
        """Return the probability of each class, in the order of `classes` in the model's metadata: (n, classes).

        Raises
        ------
        MlflowException
            If the model predicts numbers, or a row is not valid.
        """
        if self.schema["task"] in ("regression", "ordinal"):
            raise _invalid(f"predict_method: a model of task {self.schema['task']} has no probabilities, use predict")
        return np.asarray(self.pipeline.predict_proba(self._frame(model_input)), dtype=np.float64)

    def get_raw_model(self) -> Any:
        """Return the scikit-learn pipeline, as models of MLflow's own flavors do."""
        return self.pipeline

    def _decided(self, probabilities: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
        if self.schema["task"] == "multiclass":
            return np.asarray(probabilities.argmax(axis=1))
        classes = self.schema["classes"]
        positive = classes.index(self.schema["positive_label"] or classes[1])
        return np.asarray(np.where(probabilities[:, positive] >= self.schema["threshold"], positive, 1 - positive))

    def _numbers(self, scores: npt.NDArray[np.float64]) -> npt.NDArray[Any]:
        if self.schema["task"] == "regression":
            return scores.reshape(-1)
        grades = np.array([float(text) for text in self.schema["classes"]])
        nearest = np.abs(scores.reshape(-1, 1) - grades).argmin(axis=1)
        return np.array([self._labels[place] for place in nearest.tolist()], dtype=self._label_dtype)

    @property
    def _label_dtype(self) -> Any:
        """Type of an array of labels: an object unless all are whole numbers or all are booleans."""
        kinds = {type(label) for label in self._labels}
        return kinds.pop() if kinds in ({int}, {bool}) else object

    def _frame(self, model_input: pd.DataFrame) -> pd.DataFrame:
        features = self.schema["features"]
        missing = [spec["name"] for spec in features if spec["name"] not in model_input]
        if missing:
            raise _invalid(f"the rows have no column {', '.join(missing)}: add it, with nulls if it is unknown")
        return pd.DataFrame({spec["name"]: _values(model_input[spec["name"]], spec) for spec in features})


def _load_pyfunc(path: str) -> Model:
    """Load the model of a folder; `mlflow.pyfunc` calls it by this name."""
    import mlflow.sklearn

    schema = json.loads((Path(path) / "guard" / "schema.json").read_bytes())
    return Model(mlflow.sklearn.load_model(path), schema)


def _values(column: pd.Series, spec: dict[str, Any]) -> npt.NDArray[Any]:
    """Return a column as the pipeline reads it: null categories are "", null numbers NaN; numbers are rounded to float32."""
    name, missing = spec["name"], column.isna().to_numpy(dtype=bool)
    if not spec["nullable"]:
        _require(~missing, column, name, "must not be null")
    if spec["kind"] == "categorical":
        _require(missing | _each(column, lambda value: isinstance(value, str)), column, name, "must be a string")
        return np.where(missing, "", column.to_numpy(dtype=object))
    if spec["kind"] == "boolean":
        _require(missing | _each(column, _is_flag), column, name, "must be true or false")
    else:
        _require(missing | _each(column, _is_number), column, name, "must be a number")
        in_range = missing | _each(column.where(~missing, 0), lambda value: -_MAX_NUMBER <= value <= _MAX_NUMBER)
        _require(in_range, column, name, f"must be a finite number from {-_MAX_NUMBER} to {_MAX_NUMBER} (float32)")
    numbers = column.astype(object).where(~missing, np.nan).to_numpy(dtype=np.float64)
    return numbers.astype(np.float32).astype(np.float64)


def _each(column: pd.Series, is_valid: Callable[[Any], bool]) -> npt.NDArray[np.bool_]:
    return np.fromiter(map(is_valid, column), dtype=bool, count=len(column))


def _is_flag(value: object) -> bool:
    """Return whether a value is a boolean, or the number that pandas makes of one beside nulls."""
    return isinstance(value, (bool, np.bool_)) or (_is_number(value) and value in (0, 1))


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def _require(are_valid: npt.NDArray[np.bool_], column: pd.Series, name: str, reason: str) -> None:
    if not are_valid.all():
        row = int(np.flatnonzero(~are_valid)[0])
        raise _invalid(f"feature {name} {reason}, got {column.iloc[row]!r} in row {row}")


def _label_of(text: str) -> int | bool | str:
    """Return a class as `/predict` writes it: whole numbers and booleans as such, all others as text."""
    if text in ("true", "false"):
        return text == "true"
    return int(text) if _WHOLE_NUMBER.fullmatch(text) else text


def _invalid(message: str) -> MlflowException:
    error: MlflowException = MlflowException.invalid_parameter_value(message)
    return error
