"""The candidates of a training: encodings of categories as served, and the choice on few rows."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from guard_core.project_settings.training import TrainingSpec
from ml.retraining.predictor.native import NativePredictor
from ml.retraining.predictor.onnx import OnnxPredictor
from ml.retraining.predictor.schema import FeatureSpec, ModelSchema
from ml.retraining.training import candidates
from ml.retraining.training.candidates import find_few_valued
from ml.retraining.training.onnx_export import export_onnx
from ml.retraining.training.train import train
from ml.retraining.training.trained import Trained
from ml.retraining.training.validation import Validation, choose
from tests.ml.retraining.training.samples import ROW, labelled_rows

PLACES = [f"place__{i}" for i in range(120)]


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Choose the large boosting, whatever the scores."""
    monkeypatch.setattr("ml.retraining.training.train.choose", lambda *_: "gradient_boosting")


def _trained(task: str) -> Trained:
    rows = labelled_rows(4_000, task=task)
    places = np.random.default_rng(2).choice(PLACES, len(rows))
    return train(
        rows.append_column("feature_a place__of many", pa.array(places)),
        TrainingSpec(algorithms=("gradient_boosting",)),
        lambda _: None,
        7,
    )


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_columns_of_values_and_means_of_the_label_are_encoded_alike_in_both_formats(task: str) -> None:
    trained = _trained(task)
    content, check = export_onnx(trained)
    assert content is not None
    assert check["equal"], check
    rows = [ROW | {"a place__of many": place, "plan": plan} for place in (*PLACES[:3], None, "?") for plan in ("pro", "?", None)]  # fmt: skip
    native = NativePredictor(trained.pipeline, trained.schema).scores(rows)
    served = OnnxPredictor(content, trained.schema).scores(rows)
    np.testing.assert_allclose(served.reshape(native.shape), native, rtol=1e-4, atol=1e-4)


@pytest.mark.usefixtures("large")
def test_few_valued_categories_have_a_column_for_each_value_and_none_for_others() -> None:
    specs = {spec.name: spec for spec in _trained("regression").schema.categorical}
    plan, place = specs["plan"], specs["a place__of many"]
    assert {tuple(code) for code in (plan.codes or {}).values()} == {tuple(row) for row in np.eye(4).tolist()}
    assert plan.unseen == (0.0,) * 4
    assert len(place.unseen) == 1


def test_columns_are_given_to_categories_of_few_values_first_and_never_beyond_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counts = {"many": 60, "some": 40, "few": 3}
    schema = ModelSchema("binary", tuple(FeatureSpec(name, "categorical") for name in counts), ("0", "1"), "1")
    frame = pd.DataFrame({name: [f"v{i % n}" for i in range(120)] for name, n in counts.items()})
    assert find_few_valued(frame, schema) == {"some", "few"}
    monkeypatch.setattr(candidates, "_MAX_CELLS", 120 * 42)
    assert find_few_valued(frame, schema) == {"few"}


@pytest.mark.parametrize(("noise", "chosen"), [(0.02, "gradient_boosting"), (2.0, "linear")])
def test_a_better_score_wins_over_the_linear_model_only_where_its_losses_are_surely_smaller(
    noise: float, chosen: str
) -> None:
    rng = np.random.default_rng(1)
    linear = rng.exponential(size=200)
    other = linear - 0.05 + np.tile([noise, -noise], 100)
    validations = {"linear": Validation(0.80, linear), "gradient_boosting": Validation(0.82, other)}
    assert choose(validations, "binary") == chosen


def test_on_few_rows_of_a_linear_relation_the_linear_model_is_chosen() -> None:
    chosen = [
        train(labelled_rows(500, seed=seed), TrainingSpec(), lambda _: None, seed).algorithm for seed in range(1, 6)
    ]
    assert chosen == ["linear"] * 5
