"""Where messages lead: pages of Dagster and MLflow for people, routes of the API for programs. No I/O.

Facts name targets without a server (`dagster:/runs/1`, `/api/v1/…`); which server it is, is known when a message is written.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from guard_core.ids import registered_name
from guard_core.settings import Settings, reachable_url

_DAGSTER = "dagster:"
_MLFLOW = "mlflow:"


def of_run(run_id: str) -> dict[str, str]:
    """The page of a Dagster run."""
    return {"Run in Dagster": f"{_DAGSTER}/runs/{run_id}"}


def of_day(what: str, asset: str, day: str) -> dict[str, str]:
    """The page of an asset's day: its numbers, tables and charts."""
    return {f"{what} of {day} in Dagster": f"{_DAGSTER}/assets/{asset}?view=partitions&partition={day}"}


def of_version(project_id: str, model_id: str, version: str) -> dict[str, str]:
    """The page of a version in MLflow, and what the API says of it."""
    path = f"/projects/{project_id}/models/{model_id}/versions/{version}"
    page = f"{_MLFLOW}/#/models/{registered_name(project_id, model_id)}/versions/{version}"
    return {f"Version {version} in MLflow": page, "Version": f"/api/v1{path}"}


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where people reach the servers, without a slash at the end; None where nobody has said."""

    api: str
    dagster: str | None = None
    mlflow: str | None = None

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """As the settings say; Dagster beside this server where nobody comes from elsewhere."""
        dagster, mlflow = settings.dagster.public_url, settings.storage.mlflow_public_url
        if dagster is None and settings.server.public_url is None:
            dagster = reachable_url(settings.dagster.host, settings.dagster.port)
        return cls(settings.server.public_address, dagster and dagster.rstrip("/"), mlflow and mlflow.rstrip("/"))

    def urls(self, links: Mapping[str, str]) -> dict[str, str]:
        """URLs of what can be reached, in the order of the links.

        >>> Addresses("http://api", "http://dagster").urls({**of_run("1"), **of_version("p", "m", "2")})
        {'Run in Dagster': 'http://dagster/runs/1', 'Version': 'http://api/api/v1/projects/p/models/m/versions/2'}
        """
        servers = {_DAGSTER: self.dagster, _MLFLOW: self.mlflow, "": self.api}
        found = {}
        for name, target in links.items():
            scheme = next(scheme for scheme in servers if target.startswith(scheme))
            if servers[scheme] is not None:
                found[name] = f"{servers[scheme]}{target.removeprefix(scheme)}"
        return found
