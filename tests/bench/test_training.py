"""The benchmark of trained models: a tiny set goes through splits, contenders, scores and tables."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.training import comparison as training
from bench.training.sets import LABEL, LabelledSet, categorical, contend, path_of

ONE = LabelledSet("tiny set", "binary", ("", ""), LABEL, "yes")
OTHERS = ("scikit-learn",)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tmp_path = tmp_path_factory.mktemp("training")
    rng = np.random.default_rng(1)
    number, rows = rng.normal(size=400), 400
    colour = rng.choice(["red", "green", "blue"], rows)
    label = np.where(number + (colour == "red") + rng.normal(0, 0.3, rows) > 0.5, "yes", "no")
    frame = pd.DataFrame({"number": number, "colour": colour, LABEL: label})
    frame.loc[::50, "colour"] = None
    frame.to_parquet(path_of(tmp_path, ONE))
    contend(
        tmp_path,
        {
            training.OURS: training.ml_guard,
            training.BOOSTING: training.boosting,
            training.LINEAR: training.linear,
        },
        [ONE],
    )
    return tmp_path


def test_all_contenders_learn_a_clear_rule_and_have_a_row_in_each_table(folder: Path) -> None:
    auc, ece = training.compare(folder, [ONE], OTHERS)
    assert set(auc.scores) == {training.OURS, "scikit-learn"}
    assert min(values.min() for values in auc.scores.values()) > 0.9
    assert min(values.min() for values in ece.scores.values()) > 0
    assert max(values.max() for values in ece.scores.values()) < 0.2
    lines = training.section([auc, ece], OTHERS).splitlines()
    assert [line.split(" | ")[2] for line in lines if line.startswith("| tiny set | 400")] == ["ROC AUC", "ECE"]
    assert lines[-1].startswith("| tiny set |")


@pytest.mark.parametrize(("metric", "sign"), [("ROC AUC", 1), ("MAE", -1)])
def test_a_clear_difference_is_beyond_noise_only_if_ours_is_worse(metric: str, sign: int) -> None:
    ours, other = np.array([0.5, 0.51, 0.5, 0.49, 0.5]), np.array([0.6, 0.6, 0.61, 0.6, 0.59])
    seconds = {training.OURS: np.ones(2), "LightGBM": np.ones(2)}
    comparison = training.Comparison(
        ONE, 400, training.Metric(metric, sign), {training.OURS: ours, "LightGBM": other}, seconds
    )
    assert comparison.is_within_noise == (sign < 0)
    assert comparison.interval[0] == pytest.approx(-0.1)


def test_text_columns_but_not_the_label_are_categories() -> None:
    assert categorical(pd.DataFrame({"a": ["x"], "b": [1.0], LABEL: ["y"]})) == ["a"]
