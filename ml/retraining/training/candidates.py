"""The candidates of a training: unfitted scikit-learn pipelines that read a data frame of raw features.

Fitting and comparing them does not belong here; it is in `train.py`.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from guard_core.project_settings.training import TrainingSpec
from ml.monitoring.performance.labels import MIN_CLASS_ROWS
from ml.retraining.predictor.schema import FeatureSpec, ModelSchema
from ml.retraining.training.custom import import_builder

LINEAR = "linear"
"""The simplest candidate, and the steadiest on few rows."""

_SMOOTHING = 20.0  # rows whose weight shrinks a rare category's mean to the overall mean
_FEW_VALUES = 50
_MAX_CELLS = 10**8  # of the columns that few-valued categories become: 0.8 GB


def candidates(
    schema: ModelSchema, spec: TrainingSpec, seed: int, few_valued: Collection[str]
) -> Mapping[str, Callable[[], Any]]:
    """Return factories of unfitted pipelines, by name.

    Parameters
    ----------
    few_valued : categories of which each value may have a column of its own, from `find_few_valued`.

    Raises
    ------
    TrainingError
        If the custom builder cannot be imported.
    """
    if spec.builder is not None:
        build = import_builder(spec.builder)
        return {spec.builder: lambda: build(schema)}
    factories: dict[str, Callable[[], Any]] = {}
    if "gradient_boosting" in spec.algorithms:
        boosting = _boosting(schema, seed, max_iter=300, learning_rate=0.05, max_leaf_nodes=16, max_features=0.3)
        small = _boosting(schema, seed, max_iter=100, learning_rate=0.06, max_leaf_nodes=8)
        factories["gradient_boosting"] = lambda: _pipeline(schema, seed, boosting(), few_valued)
        factories["gradient_boosting_small"] = lambda: _pipeline(schema, seed, small(), ())
        if schema.is_numeric:
            absolute = _boosting(schema, seed, max_iter=300, learning_rate=0.1, loss="absolute_error")
            factories["gradient_boosting_absolute_error"] = lambda: _pipeline(schema, seed, absolute(), few_valued)
    if "linear" in spec.algorithms:
        factories[LINEAR] = lambda: _pipeline(schema, seed, _linear(schema), ())
    return factories


def find_few_valued(frame: Any, schema: ModelSchema) -> frozenset[str]:
    """Return the categories with at most 50 values, from those with the fewest on, as far as their columns fit into memory."""
    counts = {spec.name: int(frame[spec.name].nunique()) for spec in schema.categorical}
    room, chosen = _MAX_CELLS // max(len(frame), 1), []
    for name in sorted(counts, key=lambda name: counts[name]):
        room -= counts[name]
        if counts[name] > _FEW_VALUES or room < 0:
            break
        chosen.append(name)
    return frozenset(chosen)


def fitted_encoders(pipeline: Any, schema: ModelSchema) -> Mapping[str, Any] | None:
    """Return the encoder of each category of a fitted pipeline; None if the pipeline is not one of this module."""
    steps = getattr(pipeline, "named_steps", {})
    if list(steps) != ["encode", "model"]:
        return None
    fitted = getattr(steps["encode"], "named_transformers_", {})
    names = {spec.name: _step_of(place) for place, spec in enumerate(schema.categorical)}
    if any(step not in fitted for step in names.values()):
        return None
    return {name: fitted[step] for name, step in names.items()}


def _step_of(place: int) -> str:
    """Return the name of the encoder of a category: names of features may hold what scikit-learn does not accept."""
    return f"category {place}"


def _pipeline(schema: ModelSchema, seed: int, model: Any, few_valued: Collection[str]) -> Any:
    """Build a pipeline that encodes categories in the order of the schema; numbers and booleans follow as they are."""
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline

    parts: list[tuple[str, Any, list[str]]] = [
        (_step_of(place), _encoder(spec, schema, seed, few_valued), [spec.name])
        for place, spec in enumerate(schema.categorical)
    ]
    if schema.plain:
        parts.append(("plain", "passthrough", [f.name for f in schema.plain]))
    return Pipeline([("encode", ColumnTransformer(parts)), ("model", model)])


def _encoder(spec: FeatureSpec, schema: ModelSchema, seed: int, few_valued: Collection[str]) -> Any:
    """Build a column for each value of a few-valued category; otherwise the mean of the target, cross-fitted within the rows of the fit."""
    from sklearn.model_selection import KFold, StratifiedKFold
    from sklearn.preprocessing import OneHotEncoder, TargetEncoder

    if spec.name in few_valued:
        return OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    folds = (KFold if schema.is_numeric else StratifiedKFold)(MIN_CLASS_ROWS, shuffle=True, random_state=seed)
    # Classes are counted in each fit: the rows before a fold may have fewer of them than all rows.
    kind = "continuous" if schema.is_numeric else "auto"
    return TargetEncoder(smooth=_SMOOTHING, target_type=kind, cv=folds)


def _boosting(schema: ModelSchema, seed: int, **settings: Any) -> Callable[[], Any]:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kind = HistGradientBoostingRegressor if schema.is_numeric else HistGradientBoostingClassifier
    return lambda: kind(l2_regularization=1.0, early_stopping=False, random_state=seed, **settings)


def _linear(schema: ModelSchema) -> Any:
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = Ridge() if schema.is_numeric else LogisticRegression(max_iter=1000)
    return make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler(), model)
