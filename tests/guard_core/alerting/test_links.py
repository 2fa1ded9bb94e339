"""Where links to MLflow lead: its public address, the pages that `ml-guard up` starts, or a server that a browser can reach."""

from typing import Any

import pytest

from guard_core.alerting.links import Addresses, of_training_run
from tests.support.settings import settings_of


@pytest.mark.parametrize(
    ("values", "address"),
    [
        ({}, "http://127.0.0.1:5001"),
        ({"mlflow_port": 5005}, "http://127.0.0.1:5005"),
        ({"mlflow_ui": False}, None),
        ({"mlflow_url": "https://mlflow.example.com/"}, "https://mlflow.example.com"),
        ({"mlflow_url": "http://127.0.0.1:5000"}, "http://127.0.0.1:5000"),
        ({"mlflow_url": "http://mlflow:5000"}, None),  # a name that only containers resolve
        ({"mlflow_url": "https://user:password@mlflow.example.com"}, None),
        ({"public_url": "https://guard.example.com"}, None),
        (
            {"public_url": "https://guard.example.com", "mlflow_public_url": "https://mlflow.example.com"},
            "https://mlflow.example.com",
        ),
    ],
)
def test_the_address_of_mlflow(values: dict[str, Any], address: str | None) -> None:
    assert Addresses.of(settings_of(**values)).mlflow == address


def test_a_training_run_has_a_link_without_its_experiment() -> None:
    urls = Addresses("http://api", mlflow="http://mlflow").urls(of_training_run("92ee"))
    assert urls == {"Training run in MLflow": "http://mlflow/#/runs/92ee"}
