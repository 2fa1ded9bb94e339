"""Defaults of environment variables that native libraries read once, when they are loaded.

Entry points apply them before they import such a library. MLflow's variables belong to `ml.retraining.training.log_run`.
"""

import os
from collections.abc import Mapping

_DEFAULTS: Mapping[str, str] = {
    # The wheels of ONNX Runtime send telemetry to its vendor otherwise.
    "ORT_DISABLE_TELEMETRY": "1",
    # Otherwise OpenMP threads spin while they wait for each other: on shared cores a training takes ten times as long.
    "OMP_WAIT_POLICY": "PASSIVE",
}


def set_library_defaults() -> None:
    """Set the variables that the operator has not set; call it before ONNX Runtime or scikit-learn is imported."""
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)
