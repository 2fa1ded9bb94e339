"""Models as ONNX: conversion of a fitted estimator, and a session that answers on one thread.

Which models are converted, and how their answers are read, belongs to their callers.
"""

import warnings
from typing import Any

from ml.environment import set_library_defaults


def convert_to_onnx(model: Any, width: int, **options: Any) -> bytes:
    """Convert a fitted estimator of scikit-learn that reads a matrix `X` of so many columns.

    Parameters
    ----------
    options : of the converter for this estimator, such as `zipmap`.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecations within the converter
        from skl2onnx import convert_sklearn
        from skl2onnx.common.data_types import FloatTensorType

        converted: bytes = convert_sklearn(
            model,
            initial_types=[("X", FloatTensorType([None, width]))],
            options={id(model): options} if options else {},
            target_opset=18,
        ).SerializeToString()
    return converted


def open_session(content: bytes) -> Any:
    """Open a session of ONNX Runtime; it raises an error of its own for every kind of damage."""
    set_library_defaults()
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
