"""Features that no model should read, and rows that repeat others: found before the training, named, left out or stopped."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from guard_core.project_settings.training import TrainingSpec
from ml import train as script
from ml.retraining.predictor.schema import FeatureKind
from ml.retraining.training.files import split_in_time
from ml.retraining.training.repeats import without_repeats
from ml.retraining.training.suspects import SuspectFinder
from ml.retraining.training.train import train
from ml.retraining.training.trained import TrainingError
from tests.ml.retraining.training.samples import labelled_rows

N = 1_000
FAST = TrainingSpec(algorithms=("linear",))


def _quiet(_: str) -> None:
    pass


def _with(name: str, values: Any, **kind: Any) -> pa.Table:
    return labelled_rows(N, **kind).append_column(f"feature_{name}", pa.array(values))


def _labels(task: str = "binary") -> Any:
    return labelled_rows(N, task=task)["y_true"].to_numpy()


LATE = _labels() == "1"
NUMBERS = _labels("regression").astype(float)
RNG = np.random.default_rng(5)
SUSPECTS: dict[str, tuple[str, Any, str]] = {
    "the label itself": ("binary", _labels().tolist(), "tells the label: its values separate the classes"),
    "the label in other words": ("binary", np.where(LATE, "late", "on time"), "tells the label"),
    "the label as a number": ("binary", np.where(LATE, 3, 7), "tells the label"),
    "the label as a boolean": ("binary", LATE, "tells the label"),
    "a number that is known only after the label": ("binary", np.where(LATE, RNG.uniform(1, 9, N), -1.0), "tells the"),
    "null wherever the label is 0": ("binary", [7.5 + i if v else None for i, v in enumerate(LATE)], "tells the label"),
    "one of several classes": ("multiclass", _labels("multiclass").tolist(), "tells the label"),
    "one class of each interval": ("multiclass", np.searchsorted(["high", "low"], _labels("multiclass")) + RNG.random(N) / 2, "tells the label"),
    "the number itself": ("regression", NUMBERS, "tells the label: it orders the rows as the label does"),
    "the number in another unit": ("regression", -25.4 * NUMBERS + 3, "tells the label: it orders the rows"),
    "an id of text": ("binary", [f"customer-{i * 7919 % N}" for i in range(N)], "looks like an id: 1,000 different values"),
    "free text": ("binary", [f"the parcel {i} was left at the door" for i in range(N)], "looks like free text"),
    "instants": ("binary", [f"2024-03-{1 + i // 60:02}T{i % 24:02}:{i % 60:02}:00Z" for i in range(N)], "is a time"),
    "a counter": ("binary", np.arange(50_000, 50_000 + N), "is a counter or a time"),
    "seconds since 1970": ("binary", 1_700_000_000 + 37 * np.arange(N), "is a counter or a time"),
}  # fmt: skip
HARMLESS: dict[str, tuple[str, Any]] = {
    "noise": ("binary", RNG.normal(size=N)),
    "a strong feature": ("binary", LATE + RNG.normal(0, 0.3, N)),
    "a strong feature of a regression": ("regression", NUMBERS + RNG.normal(0, 0.1, N)),
    "unordered whole numbers": ("binary", RNG.permutation(N)),
    "a number that grows": ("binary", np.linspace(0.01, 3.1, N) + RNG.random(N) / 1000),
    "some hundred places": ("binary", RNG.choice([f"place-{i}" for i in range(300)], N)),
    "one value": ("binary", np.full(N, 4.0)),
    "mostly null": ("binary", [None if i % 10 else RNG.random() for i in range(N)]),
    "a rare class beside a constant": ("rare", np.zeros(N)),
}


@pytest.mark.parametrize("case", SUSPECTS)
def test_a_feature_that_tells_the_label_or_names_rows_is_left_out_and_named(case: str) -> None:
    task, values, reason = SUSPECTS[case]
    steps: list[str] = []
    trained = train(_with("suspect", values, task=task), FAST, steps.append, 7)
    assert list(trained.left_out) == ["suspect"]
    assert trained.left_out["suspect"].startswith(reason)
    assert trained.left_out["suspect"].endswith("; training.include keeps it")
    assert any(step.startswith(f"feature suspect is left out: it {reason}") for step in steps)


@pytest.mark.parametrize("case", HARMLESS)
def test_other_features_stay(case: str) -> None:
    task, values = HARMLESS[case]
    target = np.where(np.arange(N) % 300 == 7, "1", "0") if task == "rare" else _labels(task)
    column = pa.chunked_array([pa.array(values)])
    kind: FeatureKind = "categorical" if pa.types.is_string(column.type) else "numeric"
    assert SuspectFinder(target, is_numeric=task == "regression").suspicion(column, kind) is None


def test_a_setting_keeps_a_suspect_and_another_stops_the_training() -> None:
    rows = _with("outcome", np.where(LATE, "late", "on time"))
    assert "outcome" in train(rows, TrainingSpec(algorithms=("linear",), include=("outcome",)), _quiet, 7).schema.names
    with pytest.raises(
        TrainingError, match=r"feature outcome tells the label: .*training\.exclude or in training\.inc"
    ):
        train(rows, TrainingSpec(suspects="stop"), _quiet, 7)


def test_a_table_of_suspects_alone_says_so() -> None:
    rows = pa.table({"feature_late": pa.array(LATE), "y_true": _labels().tolist(), "ts": labelled_rows(N)["ts"]})
    with pytest.raises(TrainingError, match=r"No feature .* to learn from: feature late tells the label"):
        train(rows, FAST, _quiet, 7)


def test_rows_repeated_three_times_are_taken_once_and_never_on_both_sides() -> None:
    rows = labelled_rows(N)
    shuffled = pa.concat_tables([rows] * 3).take(pa.array(np.random.default_rng(1).permutation(3 * N)))
    data = split_in_time(shuffled, 0.2)
    assert (data.repeats, len(data.rows) + len(data.trained_on)) == (2 * N, N)
    features = ["feature_x", "feature_z", "feature_plan", "feature_member", "y_true"]
    older = set(map(str, data.trained_on.select(features).to_pylist()))
    assert not older.intersection(map(str, data.rows.select(features).to_pylist()))


def test_rows_that_are_alike_by_coincidence_or_seldom_stay() -> None:
    rows = labelled_rows(N)
    categories = rows.select(["feature_plan", "feature_member", "y_true", "ts"])
    assert without_repeats(categories)[1] == 0
    assert without_repeats(pa.concat_tables([rows, rows.slice(0, 20)]))[1] == 0
    rounded = np.random.default_rng(1).uniform(0, 30, N).round(2)
    assert without_repeats(pa.table({"feature_x": rounded, "y_true": ["1"] * N}))[1] == 0
    assert (
        without_repeats(pa.table({"feature_x": rounded, "y_true": np.random.default_rng(2).integers(0, 2, N)}))[1] == 0
    )


def test_the_script_names_repeats_and_the_data_card_counts_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=300)
    lines = [f"{v:.6f},{'yes' if v + e > 0 else 'no'}" for v, e in zip(x, rng.normal(0, 0.5, 300), strict=True)]
    path = tmp_path / "rows.csv"
    path.write_text("\n".join(["x,t", *lines, *lines]))
    where = ["--tracking-uri", f"sqlite:///{tmp_path}/mlflow.db", "--artifacts", str(tmp_path / "runs")]
    script.main(["--input", str(path), "--target", "t", *where])
    said = "300 rows that repeat older ones in all features and the label are left out"
    assert said in capsys.readouterr().err
    assert f"Repeats: {said}." in next(tmp_path.rglob("data_card.md")).read_text()
