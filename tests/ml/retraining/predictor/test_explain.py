"""Explanations against exact Shapley values, computed over all subsets of features and all background rows."""

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr

from guard_core.project_settings.training import TrainingSpec
from ml.retraining.predictor.explain import Explainer, Explanation
from ml.retraining.predictor.load import Predictor, load_native_predictor, load_predictor
from ml.retraining.training.log_run import write_model
from ml.retraining.training.train import train
from tests.ml.retraining.training.samples import ROW, labelled_rows

ROWS = [ROW, ROW | {"x": -2.0, "plan": None}, ROW | {"plan": "never seen", "z": None, "member": False}]


@pytest.fixture(scope="module", params=["binary", "multiclass", "regression"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    spec = TrainingSpec(algorithms=("gradient_boosting",))
    trained = train(labelled_rows(1_500, task=request.param), spec, lambda _: None, 7)
    path = tmp_path_factory.mktemp("model") / "model"
    write_model(path, trained)
    return path


def explain(predictor: Predictor, row: dict[str, Any]) -> Explanation:
    return Explainer(predictor).explain(row)


def _output(predictor: Predictor, row: dict[str, Any], rows: list[dict[str, Any]]) -> Any:
    scores = np.asarray(predictor.scores(rows), dtype=float)
    if predictor.schema.is_numeric:
        return scores.reshape(-1)
    if predictor.schema.task == "binary":
        return scores[:, predictor.schema.classes.index("1")]
    return scores[:, int(np.asarray(predictor.scores([row])).argmax())]


def _exact(predictor: Predictor, row: dict[str, Any]) -> dict[str, float]:
    names, values = list(row), dict[frozenset[str], float]()
    for size in range(len(names) + 1):
        for chosen in itertools.combinations(names, size):
            mixed = [usual | {name: row[name] for name in chosen} for usual in map(dict, predictor.background)]
            values[frozenset(chosen)] = float(_output(predictor, row, mixed).mean())
    effects = dict.fromkeys(names, 0.0)
    for name, (subset, value) in itertools.product(names, values.items()):
        if name not in subset:
            weight = math.factorial(len(subset)) * math.factorial(len(names) - len(subset) - 1)
            effects[name] += weight / math.factorial(len(names)) * (values[subset | {name}] - value)
    return effects


def test_effects_are_nearly_the_exact_shapley_values_and_add_up_to_the_output(folder: Path) -> None:
    predictor = load_predictor(folder)
    assert predictor.format == "onnx"
    for row in ROWS:
        explanation, exact = explain(predictor, row), _exact(predictor, row)
        output = float(_output(predictor, row, [row])[0])
        assert explanation.base + sum(explanation.effects.values()) == pytest.approx(output, abs=1e-5)
        estimated = [explanation.effects[name] for name in exact]
        assert spearmanr(estimated, list(exact.values())).statistic >= 0.9
        error = max(abs(a - b) for a, b in zip(estimated, exact.values(), strict=True))
        assert error < 0.2 * max(map(abs, exact.values()))


def test_both_formats_of_a_model_explain_alike_and_the_same_row_always_so(folder: Path) -> None:
    fast, native = load_predictor(folder), load_native_predictor(folder)
    for row in ROWS:
        first, again, other = explain(fast, row), explain(fast, row), explain(native, row)
        assert first == again
        assert list(other.effects.values()) == pytest.approx(list(first.effects.values()), abs=1e-3)


def test_a_typical_value_of_the_feature_that_matters_most_has_an_effect(folder: Path) -> None:
    """A typical value is seldom the mean of what the model says: measured against it alone, its effect was 0."""
    predictor = load_predictor(folder)
    row = {spec.name: spec.typical for spec in predictor.schema.features}
    assert all(effect != 0.0 for effect in explain(predictor, row).effects.values())


def test_a_model_without_background_rows_is_explained_against_typical_values(folder: Path) -> None:
    predictor = load_predictor(folder)
    predictor.background = ()
    typical = {spec.name: spec.typical for spec in predictor.schema.features}
    assert set(explain(predictor, typical).effects.values()) == {0.0}
    assert any(explain(predictor, ROW).effects.values())
