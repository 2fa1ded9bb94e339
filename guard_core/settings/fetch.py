"""Web pages that `/research` fetches: allowed hosts and limits."""

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
        description="Hosts that `/research` may fetch web pages from: JSON list of names; `*.name` allows all subdomains,"
        " `*` all public hosts. Empty: no web pages are fetched.",
    )
    schemes: tuple[Literal["http", "https"], ...] = Field(
        ("https",), description="Allowed URL schemes: JSON list of `https`, `http`."
    )
    ports: tuple[Port, ...] = Field((443,), description="Allowed ports: JSON list.")
    max_bytes: Positive = Field(2 * 2**20, description="Maximum bytes of a fetched page, after decompression.")
    timeout_s: Positive = Field(15, description="Seconds that fetching a page may take, redirects included.")
