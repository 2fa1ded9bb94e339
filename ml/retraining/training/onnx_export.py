"""Export of a trained pipeline to ONNX, and the check that both give equal answers.

Predicting with the file does not belong here; it is in `ml.retraining.predictor.onnx`.
"""

from typing import Any

import numpy as np

from ml.onnx_models import convert_to_onnx
from ml.retraining.predictor.errors import briefly
from ml.retraining.predictor.frame import rows_of_frame
from ml.retraining.predictor.native import NativePredictor
from ml.retraining.predictor.onnx import OnnxPredictor
from ml.retraining.predictor.schema import ModelSchema
from ml.retraining.training.candidates import fitted_encoders
from ml.retraining.training.trained import Trained

TOLERANCE = 1e-4


def export_onnx(trained: Trained) -> tuple[bytes | None, dict[str, Any]]:
    """Export the model behind the encoder to ONNX, and compare its answers with the pipeline's on the sample.

    Returns
    -------
    The file, or None if the pipeline cannot be converted, and `{"equal", "max_difference", "rows", "tolerance"}` or
    `{"equal": False, "reason"}`. Differences of numbers are relative to their size (at least 1), of probabilities absolute.
    """
    if fitted_encoders(trained.pipeline, trained.schema) is None:
        return None, {"equal": False, "reason": "a custom pipeline is served natively"}
    try:
        content = _convert(trained.pipeline.named_steps["model"], trained.schema)
        return content, _compare(trained, content)
    except Exception as error:  # noqa: BLE001 - the native model is served instead; the reason is stored and shown
        return None, {"equal": False, "reason": f"{type(error).__name__}: {briefly(error)}"}


def _convert(model: Any, schema: ModelSchema) -> bytes:
    return convert_to_onnx(model, schema.width, **({} if schema.is_numeric else {"zipmap": False}))


def _compare(trained: Trained, content: bytes) -> dict[str, Any]:
    rows = rows_of_frame(trained.sample, trained.schema)
    native = NativePredictor(trained.pipeline, trained.schema).scores(rows).astype(float)
    other = OnnxPredictor(content, trained.schema).scores(rows).astype(float).reshape(native.shape)
    difference = float((np.abs(other - native) / np.maximum(1.0, np.abs(native))).max())
    return {
        "equal": difference <= TOLERANCE,
        "max_difference": difference,
        "rows": len(native),
        "tolerance": TOLERANCE,
    }
