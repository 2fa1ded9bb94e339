"""Address of Dagster's webserver."""

from pydantic import Field

from guard_core.settings.group import Group, Port, Url


class DagsterSettings(Group):
    """Group `dagster` of the settings."""

    title = "Dagster"
    prefix = "DAGSTER_"

    host: str = Field("127.0.0.1", description="Address that `ml-guard up` binds the Dagster webserver to.")
    port: Port = Field(3000, description="Port that `ml-guard up` gives the Dagster webserver.")
    public_url: Url | None = Field(
        None,
        description="Public address of Dagster's pages, for links. Unset: its host and port;"
        " no links if `ML_GUARD_PUBLIC_URL` is set.",
    )
