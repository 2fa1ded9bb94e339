"""Why a model said what it said about one row: how the answer moves when a feature takes its typical value.

Each feature alone (occlusion): effects of features that act together do not add up to the answer.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ml.retraining.predictor.load import Predictor

METHOD = "occlusion"


def explain(predictor: "Predictor", features: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Features with their effect on the probability (of the positive or the predicted class) or on the number.

    Returns
    -------
    `feature`, `value`, `typical` and `effect` (the answer minus what it would be with the typical value), the strongest
    effect first.
    """
    schema = predictor.schema
    changed = [{**features, spec.name: spec.typical} for spec in schema.features]
    scores = np.asarray(predictor.scores([features, *changed]), dtype=float)
    if schema.task == "regression":
        answers = scores.reshape(-1)
    else:
        places, _ = schema.decided(scores[:1])
        of_class = schema.classes.index(schema.positive_label or "") if schema.task == "binary" else int(places[0])
        answers = scores[:, of_class]
    found = [
        {
            "feature": spec.name,
            "value": features[spec.name],
            "typical": spec.typical,
            "effect": float(answers[0] - other),
        }
        for spec, other in zip(schema.features, answers[1:], strict=True)
    ]
    return sorted(found, key=lambda one: -abs(one["effect"]))
