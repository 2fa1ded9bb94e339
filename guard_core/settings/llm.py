"""Servers of language models, the calls to them, their prices and policies."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from guard_core.settings.group import Group, NotNegative, NotNegativeFloat, Positive, Url


class Price(BaseModel):
    """US dollars for a million tokens; cached ones cost as others unless said."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: NotNegativeFloat
    output: NotNegativeFloat = 0.0
    cached: NotNegativeFloat | None = None


class Fallback(BaseModel):
    """An OpenAI-compatible server that is asked where the one before does not answer; its model replaces the caller's."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: Url
    api_key: SecretStr | None = None
    model: str | None = None


class LlmSettings(Group):
    """Group `llm` of the settings."""

    title = "Language models"
    prefix = "LLM_"

    base_url: Url | None = Field(
        None,
        description="OpenAI-compatible server of language models, such as `https://api.openai.com/v1`."
        " Unset: nothing leaves this machine, and answers are extracted from the sources.",
    )
    api_key: SecretStr | None = Field(None, description="Key of that server.")
    model: str | None = Field(None, description="Model of `/query` and `/research` there.")
    answerer: Literal["auto", "extractive"] = Field(
        "auto",
        description="Who answers `/query`: `extractive` puts down sentences of the sources, without a model; `auto` asks"
        " the model where server and model are set.",
    )
    policies: Path | None = Field(None, description="File of the policies (YAML). Unset: the built-in policy.")
    fallbacks: tuple[Fallback, ...] = Field(
        (), description="Servers that are asked where it fails, in this order: JSON `[{base_url, api_key, model}]`."
    )
    timeout_s: Positive = Field(60, description="Seconds that such a server may be silent.")
    total_s: Positive = Field(600, description="Seconds that a call may take, streams included.")
    retries: NotNegative = Field(2, description="Further attempts at a server before the next is asked.")
    concurrency: Positive = Field(256, description="Calls of a server process at once; others wait.")
    max_tokens: Positive = Field(
        4096, description="Tokens of an answer that are reserved in the budgets where the caller names no bound."
    )
    prices: dict[str, Price] = Field(
        {},
        description="US dollars for a million tokens, by model, over the published prices:"
        " JSON `{model: {input, output, cached}}`.",
    )
