"""Pages of the web that `/research` fetches."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from guard_core.settings.group import Group, Port, Positive

HostPattern = Annotated[
    str, StringConstraints(to_lower=True, pattern=r"^(\*|(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)+|\[[0-9a-f:.]+\])$")
]


class FetchSettings(Group):
    """Group `fetch` of the settings."""

    title = "Web pages"
    prefix = "FETCH_"

    hosts: tuple[HostPattern, ...] = Field(
        (),
        description="Hosts of the web that `/research` may fetch from: JSON list of names, `*.` before one for all below it,"
        " `*` for all public ones. None: nothing of the web is fetched.",
    )
    schemes: tuple[Literal["http", "https"], ...] = Field(
        ("https",), description="Schemes of such pages: JSON list of `https`, `http`."
    )
    ports: tuple[Port, ...] = Field((443,), description="Ports of such pages: JSON list.")
    max_bytes: Positive = Field(2 * 2**20, description="Bytes of a fetched page at most, after decompression.")
    timeout_s: Positive = Field(15, description="Seconds that fetching a page may take, redirects included.")
