"""The HTML report of an evaluation: its answer, its curves by task, its limits."""

from typing import Any

import numpy as np
import numpy.typing as npt
from bs4 import BeautifulSoup

from guard_core.project_settings.promotion import PromotionSettings
from ml.monitoring.performance.tasks import Target
from ml.reports.document import MAX_BYTES
from ml.reports.evaluation_page import EvaluatedRows, evaluation_page
from ml.retraining.promotion import Answers, decide
from tests.support.html_pages import foreign_parts

HOSTILE = "</td><script>alert('x')</script>\"onload='y'&"


def page_of(
    target: Target,
    true: npt.NDArray[Any],
    answers: Answers,
    trivial: Answers,
    segments: npt.NDArray[Any] | None = None,
) -> str:
    decision = decide(
        target,
        true,
        answers,
        trivial,
        segments=segments,
        settings=PromotionSettings(min_rows=20, min_segment_rows=20),
        rng=np.random.default_rng(1),
        trivial=True,
    )
    facts: dict[str, Any] = {
        "task": target.task,
        "positive_label": target.positive,
        "guessed": [],
        "against": "trivial baseline",
    }
    evaluation = (
        decision.to_dict() | facts | {"importance": {f"feature_{HOSTILE * 30}{index}": 0.1 for index in range(500)}}
    )
    rows = EvaluatedRows(target, true, {"candidate": answers, "trivial baseline": trivial})
    return evaluation_page(evaluation, rows, {"Model": HOSTILE * 100, "Rows": "rows.csv"})


def binary_page(segments: npt.NDArray[Any] | None = None, rows: int = 4000) -> str:
    rng = np.random.default_rng(1)
    score = rng.random(rows)
    true = (rng.random(rows) < score).astype(int)
    answers = Answers((score > 0.5).astype(int), score)
    return page_of(Target("binary", "1"), true, answers, Answers(np.zeros(rows, int), np.full(rows, 0.5)), segments)


def test_a_classifier_has_its_answer_metrics_and_three_curves() -> None:
    soup = BeautifulSoup(binary_page(), "html.parser")
    assert soup.h1 is not None
    assert soup.h1.get_text().startswith("The model is surely better than the trivial baseline: ROC AUC 0.8")
    assert [svg["aria-label"] for svg in soup.select("svg.curves")] == ["ROC", "Precision and recall", "Calibration"]
    assert len(soup.select("svg[aria-label=Calibration] .current circle")) == 10
    metrics = {row.th.get_text(): row.find_all("td")[0].get_text() for row in soup.select("tbody tr") if row.th}
    assert " to " in metrics["ROC AUC"]
    assert " to " in metrics["Brier score"]


def test_a_regression_is_drawn_as_actual_by_predicted() -> None:
    true = np.random.default_rng(1).normal(size=20_000)
    mean = Answers(np.full(20_000, true.mean()), None)
    soup = BeautifulSoup(page_of(Target("regression"), true, Answers(true + 0.1, None), mean), "html.parser")
    (chart,) = soup.select("svg.curves")
    assert chart["aria-label"] == "Actual by predicted"
    assert len(chart.select(".current circle")) == 20


def test_rows_of_one_class_have_a_calibration_and_no_other_curve() -> None:
    answers = Answers(np.ones(50, int), np.full(50, 0.5))
    soup = BeautifulSoup(page_of(Target("binary", "1"), np.ones(50, int), answers, answers), "html.parser")
    assert [svg["aria-label"] for svg in soup.select("svg.curves")] == ["Calibration"]
    assert soup.h1 is not None
    assert "ROC AUC – against –" in soup.h1.get_text()


def test_segments_of_any_name_are_listed_worst_first_below_the_limit() -> None:
    segments = np.array([f"{index % 150:03} {HOSTILE * 20}" for index in range(4000)], dtype=object)
    page = binary_page(segments)
    assert len(page.encode()) < MAX_BYTES
    assert foreign_parts(page) == []
    soup = BeautifulSoup(page, "html.parser")
    gains = [
        float(cell.get_text().split()[0]) for cell in soup.select("[aria-label='gain by segment'] td:nth-of-type(1)")
    ]
    assert gains == sorted(gains)
    assert len(gains) > 50
