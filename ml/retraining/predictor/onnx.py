"""Predictions of an ONNX model on one thread.

The session and the check of its signature belong here; the export to ONNX does not, it is in `ml.retraining.training.onnx_export`.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.onnx_models import open_session
from ml.retraining.predictor.errors import CorruptModelError, SchemaMismatchError, briefly
from ml.retraining.predictor.schema import Label, ModelSchema


class OnnxPredictor:
    """Predictions of an ONNX file; safe to call from several threads.

    Parameters
    ----------
    model : the file's path or content.
    schema : the model's signature.
    background : usual rows, for explanations.

    Raises
    ------
    CorruptModelError
        If the file cannot be read.
    SchemaMismatchError
        If it reads another number of columns, or has other outputs, than the schema states.
    """

    format = "onnx"

    def __init__(self, model: Path | bytes, schema: ModelSchema, background: Sequence[Mapping[str, Any]] = ()) -> None:
        try:
            self._session = open_session(model if isinstance(model, bytes) else model.read_bytes())
        except Exception as error:  # onnxruntime has an error class for every kind of damage
            raise CorruptModelError(f"model.onnx cannot be read: {briefly(error)}") from error
        self.schema = schema
        self.background = background
        self._output = [self._check_signature()]

    def _check_signature(self) -> str:
        inputs, outputs = self._session.get_inputs(), self._session.get_outputs()
        width = self.schema.width
        if [i.name for i in inputs] != ["X"] or inputs[0].shape[-1] != width or not self.schema.is_encoded:
            raise SchemaMismatchError(f"model.onnx does not read one matrix X of {width} columns, unlike its schema")
        if len(outputs) != (1 if self.schema.is_numeric else 2):
            raise SchemaMismatchError(f"model.onnx has {len(outputs)} outputs: not a {self.schema.task} model")
        output = outputs[-1]
        if not self.schema.is_numeric and output.shape[-1] not in (len(self.schema.classes), None):
            raise SchemaMismatchError(f"model.onnx does not answer {len(self.schema.classes)} classes")
        return str(output.name)

    def scores(self, rows: Sequence[Mapping[str, Any]]) -> NDArray[np.floating]:
        """Return class probabilities, one row each, or numbers for rows that `schema.check_row` accepts."""
        return self.scores_of_matrix(self.schema.encode(rows))

    def scores_of_matrix(self, matrix: NDArray[np.float32]) -> NDArray[np.floating]:
        """Return the same for a matrix from `schema.encode`."""
        result: NDArray[np.floating] = self._session.run(self._output, {"X": matrix})[0]
        return result

    def predict(self, rows: Sequence[Mapping[str, Any]]) -> tuple[list[Label], list[float] | None]:
        """Return predictions and probabilities (None for regression) for rows that `schema.check_row` accepts."""
        return self.schema.answers(self.scores(rows))
