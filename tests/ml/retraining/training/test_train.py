"""Training: what is learned, from which rows, and what is refused."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from guard_core.project_settings.section import ProjectSettingsError
from guard_core.project_settings.training import Algorithm, TrainingSpec
from ml.retraining.predictor.load import load_native_predictor, load_predictor
from ml.retraining.training.log_run import Tracking, finished_run, log_candidate, write_model
from ml.retraining.training.onnx_export import export_onnx
from ml.retraining.training.train import train
from ml.retraining.training.trained import TrainingError
from tests.ml.retraining.training.samples import ROW, labelled_rows


def quiet(_: str) -> None:
    pass


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
@pytest.mark.parametrize("algorithm", ["gradient_boosting", "linear"])
def test_the_onnx_file_answers_as_the_pipeline_does(task: str, algorithm: Algorithm, tmp_path: Path) -> None:
    trained = train(labelled_rows(task=task), TrainingSpec(algorithms=(algorithm,)), quiet, 7)
    write_model(tmp_path / "model", trained)
    fast, native = load_predictor(tmp_path / "model"), load_native_predictor(tmp_path / "model")
    rows = [ROW, {**ROW, "plan": "never seen"}, {**ROW, "plan": None}, {**ROW, "x": None}, {**ROW, "member": None}]

    assert fast.format == "onnx"
    assert native.format == "scikit-learn"
    np.testing.assert_allclose(
        fast.scores(rows).astype(float).reshape(-1), native.scores(rows).reshape(-1), atol=1e-4, rtol=1e-4
    )
    assert fast.predict(rows)[0] == pytest.approx(native.predict(rows)[0], rel=1e-4) if task == "regression" else True


def test_a_binary_model_learns_the_relation_and_says_the_label_as_a_number() -> None:
    trained = train(labelled_rows(), TrainingSpec(), quiet, 7)
    content, check = export_onnx(trained)

    assert trained.metric == "roc_auc"
    assert max(trained.scores.values()) > 0.85
    assert set(trained.scores) == {"gradient_boosting", "gradient_boosting_small", "linear"}
    assert content is not None
    assert check["equal"]


def test_the_same_seed_gives_the_same_model() -> None:
    first, second = (train(labelled_rows(), TrainingSpec(), quiet, 7) for _ in range(2))
    assert first.scores == second.scores
    assert first.schema == second.schema


def test_what_a_category_is_worth_is_not_taken_from_validation_rows() -> None:
    """An id that is different in each row tells its own label to who looks; validation must not reward that."""
    rng = np.random.default_rng(3)
    n = 2_000
    table = labelled_rows(n).append_column("feature_id", pa.array([f"id-{i}" for i in range(n)]))
    table = table.set_column(table.schema.get_field_index("y_true"), "y_true", pa.array(rng.choice(["0", "1"], n)))
    trained = train(table, TrainingSpec(algorithms=("gradient_boosting",), include=("id",)), quiet, 7)
    assert max(trained.scores.values()) < 0.6


def test_ids_empty_and_excluded_features_are_left_out_with_the_reason() -> None:
    table = labelled_rows(500)
    table = table.append_column("feature_id", pa.array([f"id-{i}" for i in range(500)]))
    table = table.append_column("feature_empty", pa.nulls(500, pa.float64()))
    trained = train(table, TrainingSpec(max_categories=100, exclude=("z",), algorithms=("linear",)), quiet, 7)
    assert trained.left_out == {
        "id": "has 500 values, more than 100",
        "empty": "has no value",
        "z": "excluded by setting",
    }
    assert {f.name for f in trained.schema.features} == {"x", "plan", "member"}


def test_too_few_or_equal_labels_are_refused() -> None:
    with pytest.raises(TrainingError, match="19 labelled rows are too few"):
        train(labelled_rows(19), TrainingSpec(min_rows=20), quiet, 7)
    alike = labelled_rows(300)
    alike = alike.set_column(alike.schema.get_field_index("y_true"), "y_true", pa.array(["1"] * 300))
    with pytest.raises(TrainingError, match=r"All labels are alike \(1\)"):
        train(alike, TrainingSpec(), quiet, 7)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"folds": 0}, "folds: must be at least 1, got 0"),
        ({"algorithms": ["magic"]}, r"algorithms\[0\]: must be 'gradient_boosting' or 'linear', got 'magic'"),
        ({"builder": "nothing"}, 'builder: must be "module:function"'),
        ({"colour": 1}, "colour: unknown"),
    ],
)
def test_a_wrong_setting_is_named(given: dict[str, object], message: str) -> None:
    with pytest.raises(ProjectSettingsError, match=message):
        TrainingSpec.from_dict(given)


def test_a_training_is_a_finished_run_of_mlflow_that_can_be_found_by_its_tag(tmp_path: Path) -> None:
    tracking = Tracking(f"sqlite:///{tmp_path}/mlflow.db", str(tmp_path / "artifacts"))
    trained = train(labelled_rows(500), TrainingSpec(algorithms=("linear",)), quiet, 7)
    run_id = log_candidate(tracking, "p~m", trained, {"ml_guard.flag_id": "flag-1"})

    assert finished_run(tracking, "p~m", "ml_guard.flag_id", "flag-1") == run_id
    assert finished_run(tracking, "p~m", "ml_guard.flag_id", "flag-2") is None
    run = tracking.client().get_run(run_id)
    assert run.data.params["algorithm"] == "linear"
    assert run.data.metrics["validation_roc_auc.linear"] == pytest.approx(trained.scores["linear"])
    load_predictor(tmp_path / "artifacts" / "p~m" / run_id / "artifacts" / "model")


def test_a_training_that_cannot_be_kept_leaves_no_finished_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    tracking = Tracking(f"sqlite:///{tmp_path}/mlflow.db", str(tmp_path / "artifacts"))
    trained = train(labelled_rows(500), TrainingSpec(algorithms=("linear",)), quiet, 7)
    monkeypatch.setattr("ml.retraining.training.log_run.write_model", full)
    with pytest.raises(OSError, match="No space left"):
        log_candidate(tracking, "p~m", trained, {"ml_guard.flag_id": "flag-1"})
    assert finished_run(tracking, "p~m", "ml_guard.flag_id", "flag-1") is None


def test_numbers_of_events_that_predict_refuses_count_as_missing() -> None:
    rows = labelled_rows(500)
    x = rows["feature_x"].to_numpy().copy()
    x[:3] = 1e39, -1e300, np.inf
    place = rows.column_names.index("feature_x")
    lines: list[str] = []
    spec = TrainingSpec(algorithms=("linear",))
    extreme = train(rows.set_column(place, "feature_x", pa.array(x)), spec, lines.append, 7)
    assert "feature x: 3 numbers beyond ±3.4028235e+38 count as missing" in lines
    x[:3] = np.nan
    missing = train(rows.set_column(place, "feature_x", pa.array(x)), spec, quiet, 7)
    assert extreme.scores == missing.scores
    assert extreme.schema == missing.schema
