"""The report of an evaluation: the decision, metrics with intervals, curves, segments, and what was compared.

Comparing models does not belong here, it is in `ml.retraining.promotion`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from guard_core.names import display_name
from ml.charts.curves import Curve, curve_chart, scatter_chart
from ml.charts.rankings import ranking
from ml.charts.svg import element
from ml.monitoring.performance.labels import as_labels, as_numbers, label_key
from ml.monitoring.performance.tasks import Target, is_numeric
from ml.monitoring.verdicts.tables import shown_name
from ml.reports.document import page, render, within
from ml.reports.sentences import readable
from ml.retraining.promotion import Answers
from ml.retraining.training.curves import BinaryCurves, binary_curves

_POINTS, _CURVE_POINTS, _FEATURES = 1_500, 300, 20
_SEGMENT_BYTES = 60_000


@dataclass(frozen=True, eq=False)
class EvaluatedRows:
    """The labelled rows of an evaluation.

    Attributes
    ----------
    y_true : (n,) labels.
    answers : the answers of each model by its name, those of the model in question first.
    """

    target: Target
    y_true: npt.NDArray[Any]
    answers: Mapping[str, Answers]


def evaluation_page(evaluation: Mapping[str, Any], rows: EvaluatedRows, names: Mapping[str, str]) -> str:
    """Return the report as a self-contained HTML page below `document.MAX_BYTES`.

    Parameters
    ----------
    evaluation : of `ml.retraining.training.evaluate.evaluate`.
    names : what was compared, by its role: the model, the rows, the other model.
    """
    metrics = list(_metric_rows(evaluation))
    segments = within(_segment_rows(evaluation), _SEGMENT_BYTES)
    important = sorted(evaluation["importance"].items(), key=lambda entry: -entry[1])[:_FEATURES]
    body = render(
        "evaluation.html",
        headline=_headline(evaluation),
        evaluation=evaluation,
        against=evaluation["against"],
        metric=display_name(evaluation["metric"]),
        metrics=metrics,
        curves=_curves(rows),
        sampled=_POINTS if is_numeric(rows.target.task) and len(rows.y_true) > _POINTS else None,
        segments=segments,
        more_segments=len(evaluation["segments"]) - len(segments),
        importance=ranking(
            "Importance of features", [readable(shown_name(name)) for name, _ in important], [v for _, v in important]
        ),
        rows=len(rows.y_true),
        names={role: readable(name, 200) for role, name in names.items()},
        now=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    )
    return page("Evaluation", body)


def _headline(evaluation: Mapping[str, Any]) -> str:
    metric = evaluation["metric"]
    ours, theirs = (evaluation[side]["metrics"].get(metric, {}) for side in ("candidate", "champion"))
    verdict = "surely better" if evaluation["promote"] else "not surely better"
    numbers = f"{display_name(metric)} {_interval(ours)} against {_interval(theirs)}"
    return f"The model is {verdict} than the {evaluation['against']}: {numbers}."


def _metric_rows(evaluation: Mapping[str, Any]) -> Iterator[Markup]:
    others = evaluation["champion"]["metrics"]
    for name, entry in evaluation["candidate"]["metrics"].items():
        cells = (_interval(entry), _interval(others.get(name, {})), f"{entry.get('n', 0):,}")
        yield _row(display_name(name), cells)


def _segment_rows(evaluation: Mapping[str, Any]) -> Iterator[Markup]:
    worst_first = sorted(
        evaluation["segments"].items(), key=lambda item: np.inf if item[1]["value"] is None else item[1]["value"]
    )
    for name, gain in worst_first:
        yield _row(readable(name), (_interval(gain), f"{gain['n']:,}"))


def _row(name: str, cells: tuple[str, ...]) -> Markup:
    return element("tr", element("th", name, scope="row"), *(element("td", cell) for cell in cells))


def _curves(rows: EvaluatedRows) -> list[tuple[str, Markup]]:
    """Return the charts of a task with their titles; none for several classes, or where a class is absent."""
    if is_numeric(rows.target.task):
        return [("Predicted against actual", _predicted_against_actual(rows))]
    positive = np.asarray(as_labels(rows.y_true) == label_key(rows.target.positive))
    if rows.target.task != "binary" or not 0 < positive.sum() < len(positive):
        return []
    curves = {
        name: binary_curves(positive, np.asarray(answers.y_proba, dtype=float), _CURVE_POINTS)
        for name, answers in rows.answers.items()
    }
    roc, recall, calibration = (_models(curves, field) for field in ("roc", "precision_recall", "calibration"))
    return [
        ("ROC", curve_chart("ROC", "false positive rate", "true positive rate", roc, diagonal=True)),
        ("Precision and recall", curve_chart("Precision and recall", "recall", "precision", recall)),
        (
            "Calibration",
            curve_chart("Calibration", "probability", "observed share", calibration, diagonal=True, dots=True),
        ),
    ]


def _models(curves: Mapping[str, BinaryCurves], field: str) -> list[Curve]:
    """Return a curve of each model; the last one is drawn on top."""
    models = [
        Curve(name, f"part-{index}", *(values.tolist() for values in getattr(model, field)))
        for index, (name, model) in enumerate(curves.items())
    ]
    return models[::-1]


def _predicted_against_actual(rows: EvaluatedRows) -> Markup:
    predicted, actual = as_numbers(next(iter(rows.answers.values())).y_pred), as_numbers(rows.y_true)
    finite = np.isfinite(predicted) & np.isfinite(actual)
    predicted, actual = predicted[finite], actual[finite]
    chosen = np.unique(np.linspace(0, max(len(actual) - 1, 0), min(_POINTS, len(actual))).round().astype(int))
    return scatter_chart(
        "Predicted against actual values", "predicted", "actual", predicted[chosen].tolist(), actual[chosen].tolist()
    )


def _interval(entry: Mapping[str, Any]) -> str:
    if entry.get("value") is None:
        return "–"
    if entry.get("low") is None:
        return f"{entry['value']:.4g}"
    return f"{entry['value']:.4g} ({entry['low']:.4g} to {entry['high']:.4g})"
