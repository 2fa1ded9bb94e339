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
from ml.charts.curves import EVALUATION_CURVES, CurveChart, XYCurve
from ml.charts.rankings import ranking
from ml.charts.svg import element
from ml.monitoring.performance.tasks import Target
from ml.monitoring.verdicts.tables import shown_name
from ml.reports.document import page, render, within
from ml.reports.sentences import readable
from ml.retraining.promotion import Answers
from ml.retraining.training.curves import curves_of

_FEATURES = 20
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
    """Return title and chart of each curve that the task has; the model in question is drawn as the current one."""
    models = curves_of(rows.target, rows.y_true, rows.answers)
    charts = []
    for field, title, x_title, y_title, is_share, diagonal in EVALUATION_CURVES:
        curves = [
            XYCurve(name, css, curve["x"], curve["y"], [int(count) for count in curve.get("rows", ())])
            for (name, model), css in zip(models.items(), ("current", "reference"), strict=False)
            if (curve := model.get(field)) is not None
        ]
        if curves:
            charts.append((title, CurveChart(title, curves, x_title, y_title, is_share, diagonal).draw()))
    return charts


def _interval(entry: Mapping[str, Any]) -> str:
    if entry.get("value") is None:
        return "–"
    if entry.get("low") is None:
        return f"{entry['value']:.4g}"
    return f"{entry['value']:.4g} ({entry['low']:.4g} to {entry['high']:.4g})"
