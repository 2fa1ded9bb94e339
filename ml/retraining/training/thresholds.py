"""The probability from which a binary model predicts the positive class: as it is stated, or the best on validated rows.

Validating belongs to `validation.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from guard_core.project_settings.training import TrainingSpec

_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ValidatedAnswers:
    """Answers of a binary candidate to (n,) rows that it was not fitted on.

    Attributes
    ----------
    positive : (n,) whether the label is the positive one.
    probability : (n,) of the positive label.
    """

    positive: npt.NDArray[np.bool_]
    probability: _Floats

    @classmethod
    def join(cls, parts: Sequence["ValidatedAnswers"]) -> "ValidatedAnswers":
        """Return the answers to the rows of all parts."""
        return cls(
            np.concatenate([part.positive for part in parts]), np.concatenate([part.probability for part in parts])
        )


@dataclass(frozen=True)
class Threshold:
    """A threshold, how it was found, and what it does on the validated rows, in words."""

    value: float
    reason: str


def choose_threshold(answers: ValidatedAnswers, spec: TrainingSpec) -> Threshold:
    """Return the threshold that `spec.threshold_by` asks for.

    Parameters
    ----------
    answers : to at least one row of each class.
    """
    if spec.threshold_by == "stated":
        value, how = spec.threshold, "as stated by training.threshold"
    else:
        value, how = _best_threshold(answers, spec)
    predicted, labelled = (answers.probability >= value).mean(), answers.positive.mean()
    effect = f"on validated rows it predicts {predicted:.1%} as positive, {labelled:.1%} are"
    return Threshold(value, f"{how}; {effect}")


def _best_threshold(answers: ValidatedAnswers, spec: TrainingSpec) -> tuple[float, str]:
    """Return the threshold of the highest utility, in the middle between two probabilities, and the utility in words.

    References
    ----------
    .. [1] Elkan, C. (2001). The foundations of cost-sensitive learning. IJCAI, 973-978: costs decide by their ratio alone.
    """
    order = np.argsort(-answers.probability, kind="stable")
    probability, positive = answers.probability[order], answers.positive[order]
    is_last = np.append(probability[1:] < probability[:-1], True)  # rows of one probability are decided together
    true_positives = np.append(0, np.cumsum(positive)[is_last])
    false_positives = np.append(0, np.cumsum(~positive)[is_last])
    limits = np.append(probability[is_last], 0.0)
    utility, words = _utility(true_positives, false_positives, positive, spec)
    best = int(utility.argmax())
    value = 1.0 if best == 0 else float((limits[best - 1] + limits[best]) / 2)
    return value, f"{words} {abs(utility[best]):.4g}"


def _utility(
    true_positives: npt.NDArray[np.intp],
    false_positives: npt.NDArray[np.intp],
    positive: npt.NDArray[np.bool_],
    spec: TrainingSpec,
) -> tuple[_Floats, str]:
    """Return what each threshold is worth (more is better), and what the best one is in words."""
    positives, negatives = int(positive.sum()), int((~positive).sum())
    if spec.threshold_by == "f1":
        f1 = 2 * true_positives / (true_positives + false_positives + positives)
        return f1, "highest F1 on validated rows,"
    if spec.threshold_by == "balanced_accuracy":
        balanced = (true_positives / positives + 1 - false_positives / negatives) / 2
        return balanced, "highest balanced accuracy on validated rows,"
    of_false_positive, of_false_negative = spec.false_positive_cost, spec.false_negative_cost
    cost = of_false_positive * false_positives + of_false_negative * (positives - true_positives)
    words = f"least cost of {of_false_positive:g} for a false positive and {of_false_negative:g} for a false negative,"
    return -cost / len(positive), f"{words} by validated row"
