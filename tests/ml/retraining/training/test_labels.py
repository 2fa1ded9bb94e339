"""Training on labels of any spelling, on classes that are rare or begin late, and on grades."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from guard_core.project_settings.labels import LabelSettings
from guard_core.project_settings.training import TrainingSpec
from ml import evaluate as evaluate_script
from ml import train as train_script
from ml.retraining.predictor.native import NativePredictor
from ml.retraining.predictor.onnx import OnnxPredictor
from ml.retraining.predictor.schema import ModelSchema
from ml.retraining.training.files import labelled_rows as rows_of_file
from ml.retraining.training.log_run import write_model
from ml.retraining.training.onnx_export import export_onnx
from ml.retraining.training.train import train
from ml.retraining.training.trained import TrainingError
from tests.ml.retraining.training.samples import ROW, labelled_rows

FILES = Path(__file__).parents[2] / "tables" / "cases"
FAST = TrainingSpec(algorithms=("linear",))


def quiet(_: str) -> None:
    """Ignore progress."""


def with_labels(rows: pa.Table, labels: Sequence[object]) -> pa.Table:
    return rows.set_column(rows.schema.get_field_index("y_true"), "y_true", pa.array(list(labels)))


@pytest.mark.parametrize("pair", [("No", "Yes"), ("1", "2"), ("stayed", "churned")])
def test_any_two_labels_beside_a_text_column_train_a_binary_model(pair: tuple[str, str]) -> None:
    rows = labelled_rows(500)
    trained = train(with_labels(rows, [pair[int(v)] for v in rows["y_true"].to_pylist()]), FAST, quiet, 7)
    assert (trained.schema.task, trained.schema.positive_label) == ("binary", pair[1])
    assert set(trained.schema.classes) == set(pair)


def test_spellings_of_one_label_are_one_class() -> None:
    rows = labelled_rows(500)
    spelt = [
        ("No", "no", "0")[i % 3] if v == "0" else ("Yes", "yes")[i % 2]
        for i, v in enumerate(rows["y_true"].to_pylist())
    ]
    trained = train(with_labels(rows, spelt), FAST, quiet, 7)
    assert len(trained.schema.classes) == 2
    assert trained.scores == train(rows, FAST, quiet, 7).scores


def test_the_setting_names_the_positive_label() -> None:
    rows = labelled_rows(500)
    trained = train(rows, FAST, quiet, 7, labels=LabelSettings(positive=0))
    assert (trained.schema.positive_label, trained.schema.guessed) == ("0", ("task",))
    with pytest.raises(TrainingError, match=r"labels\.positive 'late' is none of the labels: 0, 1"):
        train(rows, FAST, quiet, 7, labels=LabelSettings(positive="late"))


def test_one_row_of_a_class_is_left_out_and_reported() -> None:
    lines: list[str] = []
    trained = train(rows_of_file(FILES / "late-class.csv", "y", quiet), FAST, lines.append, 7)
    assert trained.schema.classes == ("a", "b")
    assert trained.rare_labels == {"c": 1}
    assert lines[0] == "label c is left out: 1 row, a class needs 5"


def test_a_class_that_begins_in_the_newest_rows_is_learned() -> None:
    rows = labelled_rows(600, task="multiclass")
    labels = ["new" if i > 560 else v for i, v in enumerate(rows["y_true"].to_pylist())]
    assert "new" in train(with_labels(rows, labels), FAST, quiet, 7).schema.classes


def test_nan_labels_are_missing(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("x,y\n" + "1,0.0\n2,1.0\n3,NaN\n" * 20)
    rows = rows_of_file(path, "y", quiet)
    assert len(rows) == 40
    assert rows["y_true"].type == pa.string()


def test_grades_are_predicted_as_the_nearest_grade() -> None:
    rows = labelled_rows(500, task="multiclass")
    grades = [{"low": 1, "middle": 2, "high": 3}[v] for v in rows["y_true"].to_pylist()]
    trained = train(with_labels(rows, [str(g) for g in grades]), FAST, quiet, 7, labels=LabelSettings(task="ordinal"))
    assert (trained.schema.task, trained.schema.classes, trained.metric) == ("ordinal", ("1", "2", "3"), "mae")
    predictions, probabilities = NativePredictor(trained.pipeline, trained.schema).predict([ROW])
    assert predictions[0] in {1, 2, 3}
    assert probabilities is None
    content, check = export_onnx(trained)
    assert check["equal"]
    assert content is not None
    assert OnnxPredictor(content, ModelSchema.from_json(trained.schema.to_json())).predict([ROW])[0] == predictions
    assert np.isfinite(list(trained.scores.values())).all()


def test_two_spellings_of_a_file_have_the_same_decision_and_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    codes, tables = [], []
    for name in ("yes-no", "zero-one"):
        path = FILES / f"{name}.csv"
        store = ["--tracking-uri", f"sqlite:///{tmp_path}/{name}.db", "--artifacts", str(tmp_path / name)]
        codes.append(train_script.main(["--input", str(path), "--target", "y", *store]))
        model = tmp_path / f"{name}-model"
        write_model(model, train(rows_of_file(path, "y", quiet), FAST, quiet, 7))
        capsys.readouterr()
        codes.append(evaluate_script.main(["--model", str(model), "--input", str(path), "--target", "y"]))
        tables.append(capsys.readouterr().out.split("\n\n")[0])
    assert codes == [0, 0, 0, 0]
    assert tables[0] == tables[1]


@pytest.mark.parametrize("rare", [["Yes"] * 4, ["Yes"], ["Yes"] * 3 + ["Maybe"] * 2])
def test_a_training_without_two_classes_of_enough_rows_is_refused_by_name(rare: list[str]) -> None:
    rows = labelled_rows(300)
    with pytest.raises(TrainingError, match=r"Label '(Yes|Maybe)' has \d rows?, a class needs 5"):
        train(with_labels(rows, ["No"] * (300 - len(rare)) + rare), FAST, quiet, 7)
