"""Predictions of a scikit-learn pipeline, read with skops; pickles are read only if the operator allows it.

Building and fitting pipelines do not belong here; they are in `ml.retraining.training`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.retraining.predictor.errors import CorruptModelError, SchemaMismatchError, UnsafeModelError, briefly
from ml.retraining.predictor.frame import frame_of_rows
from ml.retraining.predictor.schema import Label, ModelSchema
from ml.retraining.predictor.trust import Trust


class NativePredictor:
    """Predictions of a scikit-learn pipeline that reads raw rows; the same interface as OnnxPredictor.

    Parameters
    ----------
    background : usual rows, for explanations.

    Raises
    ------
    SchemaMismatchError
        If the inputs or outputs of the pipeline differ from the schema.
    """

    format = "scikit-learn"

    def __init__(self, pipeline: Any, schema: ModelSchema, background: Sequence[Mapping[str, Any]] = ()) -> None:
        count = len(schema.features)
        if getattr(pipeline, "n_features_in_", count) != count:
            raise SchemaMismatchError(f"The model does not read {count} features, unlike its schema")
        if not hasattr(pipeline, "predict" if schema.is_numeric else "predict_proba"):
            raise SchemaMismatchError(f"The model is not a {schema.task} model, unlike its schema")
        if not schema.is_numeric and [str(c) for c in pipeline.classes_] != list(schema.classes):
            raise SchemaMismatchError("The model's classes differ from its schema")
        self.pipeline = pipeline
        self.schema = schema
        self.background = background

    def scores(self, rows: Sequence[Mapping[str, Any]]) -> NDArray[np.floating]:
        """Return class probabilities, one row each, or numbers for rows that `schema.check_row` accepts."""
        return self.scores_of_frame(frame_of_rows(rows, self.schema))

    def scores_of_frame(self, frame: Any) -> NDArray[np.floating]:
        """Return the same for a data frame from `ml.retraining.predictor.frame`."""
        predict = self.pipeline.predict if self.schema.is_numeric else self.pipeline.predict_proba
        return np.asarray(predict(frame))

    def predict(self, rows: Sequence[Mapping[str, Any]]) -> tuple[list[Label], list[float] | None]:
        """Return predictions and probabilities (None for regression) for rows that `schema.check_row` accepts."""
        return self.schema.answers(self.scores(rows))


def load_native(folder: Path, trust: Trust) -> Any:
    """Load the pipeline of a model folder: `model.skops`; `model.pkl` only if `trust` is unsafe.

    Raises
    ------
    UnsafeModelError
        If the model is a pickle, or holds a type that is not trusted. None of its code has run.
    CorruptModelError
        If there is no readable model.
    """
    safe = folder / "model.skops"
    if safe.exists():
        return _load_skops(safe, trust)
    pickled = folder / "model.pkl"
    if not pickled.exists():
        raise CorruptModelError("The model has neither model.skops nor model.pkl")
    if not trust.unsafe:
        raise UnsafeModelError(
            "The model is a pickle, which runs code when loaded: ML_GUARD_PREDICT_LOAD_UNSAFE_MODELS allows it"
        )
    return _load_pickle(pickled)


def _load_skops(path: Path, trust: Trust) -> Any:
    import skops.io

    types = trust.types_of_file(path)
    try:
        return skops.io.load(path, trusted=types)
    except Exception as error:
        raise CorruptModelError(f"{path.name} cannot be read: {briefly(error)}") from error


def _load_pickle(path: Path) -> Any:
    import joblib

    try:
        return joblib.load(path)
    except Exception as error:
        raise CorruptModelError(f"model.pkl cannot be read: {briefly(error)}") from error
