"""CBPE agrees with NannyML's on the same scores; `bench/cbpe.py` recorded what NannyML 0.13.1 said of them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml.monitoring.performance.estimated import estimated
from ml.monitoring.performance.reference import reference_of
from ml.monitoring.performance.tasks import Target

DATA = Path(__file__).with_name("data")
CHUNKS: list[dict[str, float]] = json.loads((DATA / "cbpe_nannyml.json").read_text(encoding="utf-8"))["estimates"]


@pytest.fixture(scope="module")
def scores() -> dict[int, Any]:
    frame = pd.read_csv(DATA / "cbpe_scores.csv", dtype={"y_pred": str, "y_true": str})
    return {int(str(chunk)): part for chunk, part in frame.groupby("chunk")}


@pytest.mark.parametrize("chunk", range(1, len(CHUNKS) + 1))
def test_estimates_agree_within_a_hundredth(scores: dict[int, Any], chunk: int) -> None:
    first = scores[0]
    reference = reference_of(Target("binary", "1"), first.y_true, first.y_pred, first.y_proba, np.random.default_rng(1))
    found: Any = estimated("binary", reference, scores[chunk].y_pred, scores[chunk].y_proba)
    ours = {name: found["metrics"][name]["value"] for name in CHUNKS[chunk - 1]}
    assert ours == pytest.approx(CHUNKS[chunk - 1], abs=0.01)
