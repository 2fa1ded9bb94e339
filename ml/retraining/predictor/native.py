"""A model as scikit-learn's own objects, read with skops. Pickles are read only where the operator allows it."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.retraining.predictor.errors import CorruptModelError, SchemaMismatchError, UnsafeModelError, briefly
from ml.retraining.predictor.frame import frame_of_rows
from ml.retraining.predictor.schema import Label, ModelSchema

# Parts of scikit-learn's own models that skops does not trust by itself: data holders, they run nothing when loaded.
TRUSTED = (
    "numpy.dtype",
    "sklearn._loss.link.Interval",
    "sklearn._loss.link.IdentityLink",
    "sklearn._loss.link.LogitLink",
    "sklearn._loss.link.MultinomialLogit",
    "sklearn._loss.loss.AbsoluteError",
    "sklearn._loss.loss.HalfBinomialLoss",
    "sklearn._loss.loss.HalfMultinomialLoss",
    "sklearn._loss.loss.HalfSquaredError",
    "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.model_selection._split.KFold",
    "sklearn.model_selection._split.StratifiedKFold",
)


class NativePredictor:
    """Predictions of a scikit-learn pipeline that reads raw rows; the same interface as OnnxPredictor.

    Raises
    ------
    SchemaMismatchError
        If the pipeline does not read and answer what the schema says.
    """

    format = "scikit-learn"

    def __init__(self, pipeline: Any, schema: ModelSchema) -> None:
        wanted = len(schema.features)
        if getattr(pipeline, "n_features_in_", wanted) != wanted:
            raise SchemaMismatchError(f"The model does not read {wanted} features, as its schema says")
        if not hasattr(pipeline, "predict" if schema.task == "regression" else "predict_proba"):
            raise SchemaMismatchError(f"The model is not a {schema.task} model, as its schema says")
        if schema.task != "regression" and [str(c) for c in pipeline.classes_] != list(schema.classes):
            raise SchemaMismatchError("The model answers other classes than its schema says")
        self.pipeline = pipeline
        self.schema = schema

    def scores(self, rows: Sequence[Mapping[str, Any]]) -> NDArray[np.floating]:
        """Class probabilities (a row each) or numbers, of rows that `schema.check_row` accepts."""
        return self.scores_of_frame(frame_of_rows(rows, self.schema))

    def scores_of_frame(self, frame: Any) -> NDArray[np.floating]:
        """The same of a data frame that `ml.retraining.predictor.frame` has made."""
        ask = self.pipeline.predict if self.schema.task == "regression" else self.pipeline.predict_proba
        return np.asarray(ask(frame))

    def predict(self, rows: Sequence[Mapping[str, Any]]) -> tuple[list[Label], list[float] | None]:
        """Predictions and probabilities (None for regression) of rows that `schema.check_row` accepts."""
        return self.schema.answers(self.scores(rows))


def load_native(folder: Path, *, allow_unsafe: bool = False) -> Any:
    """Pipeline of a model folder: `model.skops`; `model.pkl` only where `allow_unsafe`.

    Raises
    ------
    UnsafeModelError
        If the model is a pickle, or holds a type that is not trusted. Nothing of it has run.
    CorruptModelError
        If there is no readable model.
    """
    safe = folder / "model.skops"
    if safe.exists():
        return _load_skops(safe, allow_unsafe=allow_unsafe)
    pickled = folder / "model.pkl"
    if not pickled.exists():
        raise CorruptModelError("The model has neither model.skops nor model.pkl")
    if not allow_unsafe:
        raise UnsafeModelError(
            "The model is a pickle, which runs code when loaded: ML_GUARD_PREDICT_LOAD_UNSAFE_MODELS allows it"
        )
    return _load_pickle(pickled)


def _load_skops(path: Path, *, allow_unsafe: bool) -> Any:
    import skops.io

    try:
        untrusted = skops.io.get_untrusted_types(file=path)
    except Exception as error:  # a damaged archive fails in as many ways as it has bytes
        raise CorruptModelError(f"model.skops cannot be read: {briefly(error)}") from error
    unknown = sorted(set(untrusted) - set(TRUSTED))
    if unknown and not allow_unsafe:
        raise UnsafeModelError(f"The model holds types that are not trusted: {', '.join(unknown)}")
    try:
        return skops.io.load(path, trusted=untrusted)
    except Exception as error:
        raise CorruptModelError(f"model.skops cannot be read: {briefly(error)}") from error


def _load_pickle(path: Path) -> Any:
    import joblib

    try:
        return joblib.load(path)
    except Exception as error:
        raise CorruptModelError(f"model.pkl cannot be read: {briefly(error)}") from error
