"""Ready models: which rows they take, and what happens to a model that is damaged, wrong or hostile."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from guard_core.project_settings.training import TrainingSpec
from ml.retraining.predictor.errors import CorruptModelError, SchemaMismatchError, UnsafeModelError
from ml.retraining.predictor.load import load_predictor
from ml.retraining.predictor.schema import MAX_NUMBER, FeatureSpec, ModelSchema
from ml.retraining.predictor.trust import Trust
from ml.retraining.training.log_run import write_model
from ml.retraining.training.train import train
from tests.ml.retraining.training.samples import ROW, labelled_rows


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    spec = TrainingSpec(algorithms=("linear",))
    write_model(tmp_path / "model", train(labelled_rows(500), spec, lambda _: None, 7))
    return tmp_path / "model"


_RANGE = "must be a finite number from -3.4028235e+38 to 3.4028235e+38 (float32)"


@pytest.mark.parametrize(
    ("row", "name", "reason"),
    [
        ({"z": 1.0, "plan": "pro", "member": True}, "x", "is missing"),
        ({**ROW, "colour": "red"}, "colour", "is not a feature of this model"),
        ({**ROW, "x": "1.5"}, "x", "must be a number"),
        ({**ROW, "x": True}, "x", "must be a number"),
        ({**ROW, "x": 10**400}, "x", _RANGE),
        ({**ROW, "x": 10**39}, "x", _RANGE),
        ({**ROW, "x": -3.5e38}, "x", _RANGE),
        ({**ROW, "x": float("nan")}, "x", _RANGE),
        ({**ROW, "plan": 3}, "plan", "must be a string"),
        ({**ROW, "member": 1}, "member", "must be true or false"),
    ],
)
def test_missing_extra_and_mistyped_features_are_named(
    folder: Path, row: dict[str, Any], name: str, reason: str
) -> None:
    problems = load_predictor(folder).schema.check_row(row)
    assert [(problem.name, problem.reason) for problem in problems] == [(name, reason)]


@pytest.mark.parametrize("value", [MAX_NUMBER, -MAX_NUMBER, 10**38])
def test_the_largest_numbers_of_float32_are_accepted_and_encoded_as_finite(folder: Path, value: float) -> None:
    schema = load_predictor(folder).schema
    assert schema.check_row({**ROW, "x": value}) == []
    assert np.isfinite(schema.encode([{**ROW, "x": value}])).all()


def test_all_problems_of_a_row_are_named_at_once(folder: Path) -> None:
    problems = load_predictor(folder).schema.check_row({"x": "a", "colour": 1})
    assert [problem.name for problem in problems] == ["x", "z", "plan", "member", "colour"]


def test_a_schema_survives_its_json(folder: Path) -> None:
    schema = load_predictor(folder).schema
    assert ModelSchema.from_json(schema.to_json()) == schema


def test_the_probability_of_a_multiclass_model_is_that_of_the_predicted_class() -> None:
    schema = ModelSchema("multiclass", (FeatureSpec("x", "numeric"),), ("high", "low", "middle"))
    assert schema.answers(np.array([[0.2, 0.5, 0.3]])) == (["low"], [0.5])


def test_the_threshold_decides_a_binary_prediction() -> None:
    schema = ModelSchema("binary", (FeatureSpec("x", "numeric"),), ("0", "1"), "1", threshold=0.2)
    assert schema.answers(np.array([[0.75, 0.25], [0.9, 0.1]])) == ([1, 0], [0.25, 0.1])


@pytest.mark.parametrize("file", ["guard/model.onnx", "guard/schema.json", "guard/onnx_check.json"])
def test_a_damaged_file_is_named(folder: Path, file: str) -> None:
    (folder / file).write_bytes(b"not what it was")
    with pytest.raises(CorruptModelError, match=Path(file).name):
        load_predictor(folder)


def test_a_folder_that_ml_guard_has_not_written_is_refused(folder: Path) -> None:
    (folder / "guard/schema.json").unlink()
    with pytest.raises(CorruptModelError, match="ML Guard serves models that it has trained"):
        load_predictor(folder)


def test_a_schema_of_another_model_is_refused(folder: Path) -> None:
    other = ModelSchema("binary", (FeatureSpec("only", "numeric"),), ("0", "1"), "1")
    (folder / "guard/schema.json").write_text(other.to_json())
    with pytest.raises(SchemaMismatchError, match="1 columns"):
        load_predictor(folder)


class _Hostile:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def test_a_pickle_does_not_run_unless_the_operator_has_allowed_it(folder: Path, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    (folder / "guard/onnx_check.json").unlink()
    (folder / "model.skops").unlink()
    (folder / "model.pkl").write_bytes(pickle.dumps(_Hostile(ran)))
    with pytest.raises(UnsafeModelError, match="ML_GUARD_PREDICT_LOAD_UNSAFE_MODELS"):
        load_predictor(folder)
    assert not ran.exists()
    with pytest.raises(SchemaMismatchError):  # it is no model, but it was loaded: the operator wanted that
        load_predictor(folder, Trust(unsafe=True))
    assert ran.exists()


def test_a_type_that_nobody_vouches_for_is_not_loaded(folder: Path) -> None:
    import skops.io

    (folder / "guard/onnx_check.json").unlink()
    skops.io.dump(_Hostile(Path("x")), folder / "model.skops")
    with pytest.raises(UnsafeModelError, match="_Hostile"):
        load_predictor(folder)


def test_a_damaged_native_model_is_named(folder: Path) -> None:
    (folder / "guard/onnx_check.json").unlink()
    (folder / "model.skops").write_bytes(b"PK but no archive")
    with pytest.raises(CorruptModelError, match=r"model\.skops"):
        load_predictor(folder)
