"""The evaluation of a candidate on the held-out window: promotion decision, importance, plots and cards.

The decision itself does not belong here; it is in `ml.retraining.promotion`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from guard_core.project_settings.promotion import PromotionSettings
from ml.monitoring.performance.tasks import Task
from ml.retraining.predictor.native import NativePredictor
from ml.retraining.promotion import Answers, decide
from ml.retraining.training.cards import data_card, model_card
from ml.retraining.training.curves import CURVES, curves_of
from ml.retraining.training.features import has_label, targets
from ml.retraining.training.held_out import answers_of, importance, trivial_answers
from ml.retraining.training.plots import write_plots

DAY = "day"
"""Column of the local day, which is the unit of the comparison."""


@dataclass(frozen=True)
class HeldOut:
    """The rows of an evaluation: labelled rows outside the candidate's training, with their local `DAY` if known, and its training rows.

    `repeats` is the number of rows that repeated older ones and are in neither.
    """

    rows: pa.Table
    trained_on: pa.Table
    repeats: int = 0

    def repeats_in_words(self) -> str:
        """Describe the rows that were left out; empty if there are none."""
        return (
            f"{self.repeats:,} rows that repeat older ones in all features and the label are left out"
            if self.repeats
            else ""
        )


def evaluate(
    candidate: NativePredictor,
    champion: NativePredictor | None,
    data: HeldOut,
    settings: PromotionSettings,
    rng: np.random.Generator,
    tries: int = 1,
) -> tuple[dict[str, Any], Mapping[str, Answers]]:
    """Evaluate a candidate; return the decision with the features' importance as plain data, and the answers of each model.

    The answers of a champion of another task or positive label are read as those of the candidate's target; where that is
    impossible, as numbers are no classes, the trivial baseline replaces it.

    Parameters
    ----------
    tries : candidates compared on these rows, with this one.
    """
    target = candidate.schema.target
    data = with_labels(data, target.task)
    true = targets(data.rows, target.task)
    comparable = champion is not None and champion.schema.has_answers_for(target)
    other = (
        answers_of(champion, data.rows, target)
        if champion is not None and comparable
        else trivial_answers(target, data.trained_on, len(data.rows))
    )
    answers = answers_of(candidate, data.rows)
    decision = decide(
        target,
        true,
        answers,
        other,
        segments=_column(data.rows, "segment"),
        days=_column(data.rows, DAY),
        tries=tries,
        settings=settings,
        rng=rng,
        trivial=not comparable,
    )
    evaluation = decision.to_dict() | {
        "task": target.task,
        "positive_label": target.positive,
        "guessed": list(target.guessed),
        "against": "champion" if comparable else "trivial baseline",
        "importance": importance(candidate, data.rows, rng),
    }
    return evaluation, {"candidate": answers, evaluation["against"]: other}


def _column(rows: pa.Table, name: str) -> npt.NDArray[Any] | None:
    return np.array(rows[name].to_pylist(), dtype=object) if name in rows.column_names else None


def write_evaluation(
    folder: Path,
    candidate: NativePredictor,
    data: HeldOut,
    evaluation: Mapping[str, Any],
    answers: Mapping[str, Answers],
    facts: Mapping[str, Any],
) -> None:
    """Write `evaluation.json`, `curves.json`, both cards and the plots into a folder.

    Parameters
    ----------
    facts : facts of the run for the cards; see `ml.retraining.training.cards`.
    """
    schema = candidate.schema
    (folder / "evaluation.json").write_text(json.dumps(evaluation, indent=1), encoding="utf-8")
    data = with_labels(data, schema.task)
    true = targets(data.rows, schema.task)
    curves = curves_of(schema.target, true, answers)
    (folder / CURVES).write_text(json.dumps({"task": schema.task, "models": curves}), encoding="utf-8")
    write_plots(folder, schema.target, true, answers, curves, evaluation["importance"])
    (folder / "model_card.md").write_text(model_card(schema, evaluation, facts), encoding="utf-8")
    (folder / "data_card.md").write_text(
        data_card(
            schema,
            data.trained_on,
            data.rows,
            {**facts, "repeats": data.repeats_in_words() or "no row repeats another"},
        ),
        encoding="utf-8",
    )


def with_labels(data: HeldOut, task: Task) -> HeldOut:
    """Return the data of an evaluation without the held-out rows that lack a label which the task can read."""
    return replace(data, rows=data.rows.filter(has_label(data.rows, task)))
