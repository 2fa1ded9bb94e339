"""Explanation of one prediction by occlusion: how the output changes when a feature is set to its typical value.

Each feature is changed alone, so the effects of interacting features do not add up to the output.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from ml.retraining.predictor.load import Predictor

METHOD = "occlusion"


def explain(predictor: "Predictor", features: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Compute the effect of each feature on the probability of the positive or the predicted class, or on the number.

    Returns
    -------
    `feature`, `value`, `typical` and `effect` (the output minus the output with the typical value), by decreasing
    absolute effect.
    """
    schema = predictor.schema
    occluded = [{**features, spec.name: spec.typical} for spec in schema.features]
    scores = np.asarray(predictor.scores([features, *occluded]), dtype=float)
    if schema.is_numeric:
        outputs = scores.reshape(-1)
    else:
        predicted = schema.decided(scores[:1])
        column = schema.classes.index(schema.positive_label or "") if schema.task == "binary" else int(predicted[0])
        outputs = scores[:, column]
    effects = [
        {
            "feature": spec.name,
            "value": features[spec.name],
            "typical": spec.typical,
            "effect": float(outputs[0] - output),
        }
        for spec, output in zip(schema.features, outputs[1:], strict=True)
    ]
    return sorted(effects, key=lambda item: -abs(item["effect"]))
