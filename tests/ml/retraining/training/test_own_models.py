"""Models of users' own builders: refused before the training with the setting that allows them, or trained and served."""

import json
from pathlib import Path

import numpy as np
import pytest

from guard_core.project_settings.training import TrainingSpec
from ml.retraining.predictor.errors import SchemaMismatchError, UnsafeModelError
from ml.retraining.predictor.load import load_predictor
from ml.retraining.predictor.trust import Trust
from ml.retraining.training.log_run import write_model
from ml.retraining.training.train import train
from ml.retraining.training.trained import TrainingError
from tests.ml.retraining.training.samples import ROW, labelled_rows

_TREE = "sklearn.tree._tree.Tree"
_LIGHT_GBM = ("collections.OrderedDict", "lightgbm.basic.Booster", "lightgbm.sklearn.LGBMClassifier")
_XGBOOST = ("xgboost.core.Booster", "xgboost.sklearn.XGBClassifier")


def _spec(builder: str) -> TrainingSpec:
    return TrainingSpec(builder=f"tests.ml.retraining.training.own_builders:{builder}")


def _quiet(_: str) -> None:
    pass


@pytest.mark.parametrize(
    ("builder", "types"),
    [
        ("linear", ()),
        ("searched", ()),
        ("forest", (_TREE,)),
        ("calibrated", (_TREE,)),
        ("voting", (_TREE,)),
        ("stacking", (_TREE,)),
        ("light_gbm", _LIGHT_GBM),
        ("xgboost", _XGBOOST),
    ],
)
def test_a_model_of_trusted_types_is_stored_and_answers_as_it_was_trained(
    builder: str, types: tuple[str, ...], tmp_path: Path
) -> None:
    trust = Trust(frozenset(types))
    trained = train(labelled_rows(600), _spec(builder), _quiet, 7, trust=trust)
    write_model(tmp_path / "model", trained)
    predictor = load_predictor(tmp_path / "model", trust)
    assert predictor.format == "scikit-learn"
    rows = [ROW, ROW | {"x": -2.0, "plan": None}, ROW | {"plan": "never seen", "z": None}]
    expected = predictor.scores(rows)
    assert expected.shape == (3, 2)
    assert len(np.unique(expected[:, 1])) > 1
    assert predictor.predict(rows)[1] == expected[:, 1].tolist()


@pytest.mark.parametrize(
    ("builder", "types"), [("forest", [_TREE]), ("light_gbm", list(_LIGHT_GBM)), ("xgboost", list(_XGBOOST))]
)
def test_other_types_are_refused_before_the_training_with_the_setting_that_allows_them(
    builder: str, types: list[str]
) -> None:
    steps: list[str] = []
    with pytest.raises(UnsafeModelError) as refusal:
        train(labelled_rows(600), _spec(builder), steps.append, 7)
    assert f"ML_GUARD_PREDICT_TRUSTED_TYPES='{json.dumps(types)}'" in str(refusal.value)
    assert steps == []


def test_what_the_operator_trusts_already_stays_in_the_setting_that_is_proposed() -> None:
    with pytest.raises(UnsafeModelError) as refusal:
        train(labelled_rows(600), _spec("forest"), _quiet, 7, trust=Trust(frozenset({"a.Type"})))
    assert f"ML_GUARD_PREDICT_TRUSTED_TYPES='{json.dumps(['a.Type', _TREE])}'" in str(refusal.value)


def test_a_builder_that_fails_is_named_with_its_error_before_the_training() -> None:
    steps: list[str] = []
    with pytest.raises(TrainingError, match=r"own_builders:failing' fails on 600 rows: ValueError: Cannot use mean"):
        train(labelled_rows(600), _spec("failing"), steps.append, 7)
    assert steps == []


def test_a_model_of_another_task_is_refused_before_the_training() -> None:
    with pytest.raises(SchemaMismatchError, match="not a binary model"):
        train(labelled_rows(600), _spec("numeric"), _quiet, 7)


def test_a_builder_that_is_not_there_is_named() -> None:
    with pytest.raises(TrainingError, match="own_builders:nothing"):
        train(labelled_rows(600), _spec("nothing"), _quiet, 7)


def test_a_custom_model_is_stored_with_the_packages_that_it_is_loaded_with(tmp_path: Path) -> None:
    trained = train(labelled_rows(600), _spec("light_gbm"), _quiet, 7, trust=Trust(frozenset(_LIGHT_GBM)))
    write_model(tmp_path / "model", trained)
    assert "lightgbm==" in (tmp_path / "model/requirements.txt").read_text()
