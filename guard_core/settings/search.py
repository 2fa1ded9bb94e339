"""The search provider of `/research`."""

from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from guard_core.settings.group import Group, Url


class SearchSettings(Group):
    """Group `search` of the settings."""

    title = "Web search"
    prefix = "SEARCH_"

    provider: Literal["searxng", "brave", "tavily"] | None = Field(
        None,
        description="Web search that `/research` uses beside the knowledge base: `searxng`, `brave`, `tavily`."
        " Unset: none. Results are fetched only from allowed hosts.",
    )
    url: Url | None = Field(None, description="Base URL of that search. Unset: the provider's own; SearXNG has none.")
    api_key: SecretStr | None = Field(None, description="Key of that search.")

    @model_validator(mode="after")
    def _url_of_searxng(self) -> Self:
        if self.provider == "searxng" and self.url is None:
            raise ValueError("ML_GUARD_SEARCH_URL: must be set: SearXNG has no public default server")
        return self
