"""Address of Dagster's webserver, and the owners that its pages show."""

from typing import Annotated

from pydantic import Field

from guard_core.settings.group import Group, Port, Url

Owner = Annotated[str, Field(pattern=r"^(team:[A-Za-z0-9_.-]+|[^@\s]+@[^@\s]+\.[^@\s]+)$", max_length=200)]


class DagsterSettings(Group):
    """Group `dagster` of the settings."""

    title = "Dagster"
    prefix = "DAGSTER_"

    host: str = Field("127.0.0.1", description="Address that `ml-guard up` binds the Dagster webserver to.")
    port: Port = Field(3000, description="Port that `ml-guard up` gives the Dagster webserver.")
    owners: tuple[Owner, ...] = Field(
        (),
        description="Owners of the assets on Dagster's pages: JSON list of e-mail addresses and teams (`team:risk`).",
    )
    public_url: Url | None = Field(
        None,
        description="Public address of Dagster's pages, for links. Unset: its host and port;"
        " no links if `ML_GUARD_PUBLIC_URL` is set.",
    )
