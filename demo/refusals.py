"""What the promotion rule refused, and whether it was right to: each refused version on the flights that followed.

Comparing the January model with the champion does not belong here; it is in `comparison`.
"""

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from demo.comparison import month_of, score_flights
from demo.steps import Step


def refusals_of(
    versions: Sequence[dict[str, Any]],
    steps: Sequence[Step],
    stored: pd.DataFrame,
    answers_of: Callable[[str, Step], pd.Series],
) -> list[dict[str, Any]]:
    """Compare each refused version with what served instead, on the first month after its held-out days.

    Parameters
    ----------
    versions : of the API, each with `promoted`, `reasons` and `data`.
    stored : predictions that were served, from `comparison.stored_answers`.
    answers_of : return the probabilities of a version for the flights of a step, by event id.

    Returns
    -------
    By version: its `reasons`; `month`, `roc_auc` and `verdict` are None if no month follows. The verdict is `right` if the
    champion was better by more than the 95 % interval of the difference, `wrong` if the refused version was, else `no difference`.
    """
    refusals = []
    for version in sorted(versions, key=lambda version: int(version["version"])):
        if version["promoted"] is not False:
            continue
        step = next((step for step in steps if step.days[0] > version["data"]["held_last_day"]), None)
        scores = None
        if step is not None:
            month = month_of(score_flights(step, answers_of(version["version"], step), stored))
            scores = {"refused": month["static"], "champion": month["guarded"], "difference": month["difference"]}
        refusals.append(
            {
                "version": version["version"],
                "reasons": version["reasons"],
                "month": None if step is None else step.name,
                "roc_auc": scores,
                "verdict": None if scores is None else _verdict(scores["difference"]),
            }
        )
    return refusals


def refusal_lines(refusals: Sequence[dict[str, Any]]) -> str:
    """Format the refusals, a line each.

    >>> refusal_lines([])
    'The promotion rule refused no version.'
    """
    if not refusals:
        return "The promotion rule refused no version."
    return "\n".join(["The promotion rule refused:", *map(_line, refusals)])


def _line(refusal: dict[str, Any]) -> str:
    reasons = "; ".join(refusal["reasons"])
    scores = refusal["roc_auc"]
    if scores is None:
        return f"  version {refusal['version']}: no month follows to compare on; {reasons}"
    difference = scores["difference"]
    return (
        f"  version {refusal['version']}: {refusal['verdict']}; in {refusal['month']} ROC AUC {scores['refused']['value']:.3f},"
        f" champion {scores['champion']['value']:.3f}, difference {difference['value']:+.3f}"
        f" ({difference['low']:+.3f} to {difference['high']:+.3f}); {reasons}"
    )


def _verdict(difference: dict[str, float]) -> str:
    if difference["low"] > 0:
        return "right"
    return "wrong" if difference["high"] < 0 else "no difference"
