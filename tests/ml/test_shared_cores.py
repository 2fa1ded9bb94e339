"""Trainings beside other processes: how OpenMP's threads wait."""

import os
import subprocess
import sys

import pytest

_LOADED = "from ml.environment import set_library_defaults; set_library_defaults(); import sklearn.ensemble"


@pytest.mark.skipif(sys.platform != "linux", reason="asks GNU OpenMP, which says its settings when it is loaded")
@pytest.mark.parametrize(("chosen", "found"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_threads_of_a_training_sleep_while_they_wait_unless_the_operator_has_chosen(
    chosen: str | None, found: str
) -> None:
    env = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    env |= {"OMP_DISPLAY_ENV": "TRUE"} | ({"OMP_WAIT_POLICY": chosen} if chosen else {})
    said = subprocess.run(
        [sys.executable, "-c", _LOADED], env=env, capture_output=True, text=True, check=True, timeout=120
    )
    assert f"OMP_WAIT_POLICY = '{found}'" in said.stderr


def test_importing_ml_sets_no_environment_variable() -> None:
    code = "import os; before = dict(os.environ); import ml, ml.environment, ml.retraining.predictor.onnx; assert dict(os.environ) == before"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
