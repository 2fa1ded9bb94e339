"""Plots of a held-out window as PNG files: curves of a classifier, errors of a regression, importance.

Computing what is plotted does not belong here; the curves are computed in `curves`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from guard_core.columns import feature_name
from ml.monitoring.performance.labels import as_numbers
from ml.monitoring.performance.tasks import Target, is_numeric
from ml.retraining.promotion import Answers
from ml.retraining.training.curves import Curve

_MAX_POINTS = 3_000


def write_plots(
    folder: Path,
    target: Target,
    y_true: npt.NDArray[Any],
    answers: Mapping[str, Answers],
    curves: Mapping[str, Mapping[str, Curve]],
    importance: Mapping[str, float],
) -> list[str]:
    """Draw the plots of a task and return the names of their files.

    Parameters
    ----------
    target : what the models predict. y_true : (n,) labels.
    answers : answers of each model, by its name in the legend.
    curves : their curves; see `ml.retraining.training.curves`.
    """
    from matplotlib.figure import Figure

    names = []

    def save(figure: Any, name: str) -> None:
        figure.tight_layout()
        figure.savefig(folder / name, dpi=90)
        names.append(name)

    if any("roc" in model_curves for model_curves in curves.values()):
        figure = Figure(figsize=(12, 4))
        _binary_curves(figure, curves)
        save(figure, "curves.png")
    elif is_numeric(target.task):
        figure = Figure(figsize=(5, 4))
        _errors(figure, as_numbers(y_true), answers)
        save(figure, "errors.png")
    figure = Figure(figsize=(6, max(2.0, 0.3 * len(importance) + 1)))
    _bars(figure, importance)
    save(figure, "importance.png")
    return names


def _binary_curves(figure: Any, curves: Mapping[str, Mapping[str, Curve]]) -> None:
    roc, recall, calibration = figure.subplots(1, 3)
    for name, model_curves in curves.items():
        for axes, curve, marker in (
            (roc, model_curves["roc"], None),
            (recall, model_curves["precision_recall"], None),
            (calibration, model_curves["calibration"], "o"),
        ):
            axes.plot(curve["x"], curve["y"], marker=marker, label=name)
    roc.plot([0, 1], [0, 1], color="grey", linewidth=0.8)
    calibration.plot([0, 1], [0, 1], color="grey", linewidth=0.8)
    roc.set(title="ROC", xlabel="false positive rate", ylabel="true positive rate")
    recall.set(title="Precision and recall", xlabel="recall", ylabel="precision")
    calibration.set(title="Calibration", xlabel="probability", ylabel="observed share")
    roc.legend()


def _errors(figure: Any, true: npt.NDArray[np.float64], answers: Mapping[str, Answers]) -> None:
    axes = figure.subplots()
    step = max(1, len(true) // _MAX_POINTS)
    for name, model_answers in answers.items():
        axes.scatter(as_numbers(model_answers.y_pred)[::step], true[::step], s=4, alpha=0.5, label=name)
    axes.set(title="Predicted and true", xlabel="predicted", ylabel="true")
    axes.legend()


def _bars(figure: Any, importance: Mapping[str, float]) -> None:
    axes = figure.subplots()
    ordered = sorted(importance.items(), key=lambda entry: entry[1])
    axes.barh([feature_name(name) for name, _ in ordered], [value for _, value in ordered])
    axes.set(title="Permutation importance", xlabel="loss of the deciding metric")
