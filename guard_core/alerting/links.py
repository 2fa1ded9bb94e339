"""Links of messages: our pages, those of Dagster and MLflow, and for programs routes of the API. No I/O.

Facts hold targets without a server (`/projects/…`, `dagster:/runs/1`, `/api/v1/…`); the server is added when a message is written.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from guard_core import page_addresses
from guard_core.ids import registered_name
from guard_core.settings import Settings, reachable_url

_DAGSTER = "dagster:"
_MLFLOW = "mlflow:"


def of_model_day(project_id: str, model_id: str, day: str) -> dict[str, str]:
    """Return the link to our page of all of a model's day."""
    return {f"The day {day}": page_addresses.model(project_id, model_id, "days", day)}


def of_run(run_id: str) -> dict[str, str]:
    """Return the link to the page of a Dagster run."""
    return {"Run in Dagster": f"{_DAGSTER}/runs/{run_id}"}


def of_training_run(run_id: str) -> dict[str, str]:
    """Return the link to the page of an MLflow run: parameters, metrics and files of a training."""
    return {"Training run in MLflow": f"{_MLFLOW}/#/runs/{run_id}"}


def of_day(title: str, asset: str, day: str) -> dict[str, str]:
    """Return the link to the partition of an asset for a day: its metadata, tables and charts."""
    return {f"{title} of {day} in Dagster": f"{_DAGSTER}/assets/{asset}?view=partitions&partition={day}"}


def of_version(project_id: str, model_id: str, version: str) -> dict[str, str]:
    """Return the links to a model version: our page of all versions, its page in MLflow, and its route of the API."""
    versions = page_addresses.model(project_id, model_id, "versions")
    path = f"/projects/{project_id}/models/{model_id}/versions/{version}"
    page = f"{_MLFLOW}/#/models/{registered_name(project_id, model_id)}/versions/{version}"
    return {"Versions": versions, f"Version {version} in MLflow": page, "Version": f"/api/v1{path}"}


@dataclass(frozen=True, slots=True)
class Addresses:
    """Public addresses of the servers, without a trailing slash; None if an address is not configured."""

    api: str
    dagster: str | None = None
    mlflow: str | None = None

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Read the addresses from the settings; those of this machine are used only if the server has no public URL."""
        dagster, mlflow = settings.dagster.public_url, settings.storage.mlflow_public_url
        if settings.server.public_url is None:
            dagster = dagster or reachable_url(settings.dagster.host, settings.dagster.port)
            mlflow = mlflow or settings.storage.mlflow_ui_url
        return cls(settings.server.public_address, dagster and dagster.rstrip("/"), mlflow and mlflow.rstrip("/"))

    def urls(self, links: Mapping[str, str]) -> dict[str, str]:
        """Return the URLs of the links whose server has an address, in their order.

        >>> Addresses("http://api", "http://dagster").urls({**of_model_day("p", "m", "2013-01-05"), **of_run("1")})
        {'The day 2013-01-05': 'http://api/projects/p/models/m/days/2013-01-05', 'Run in Dagster': 'http://dagster/runs/1'}
        """
        servers = {_DAGSTER: self.dagster, _MLFLOW: self.mlflow, "": self.api}
        urls = {}
        for name, target in links.items():
            scheme = next(scheme for scheme in servers if target.startswith(scheme))
            if servers[scheme] is not None:
                urls[name] = f"{servers[scheme]}{target.removeprefix(scheme)}"
        return urls
