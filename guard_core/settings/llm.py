"""Language models: servers, limits of calls, prices and content policies."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from guard_core.settings.group import Group, NotNegative, NotNegativeFloat, Positive, Url


class Price(BaseModel):
    """US dollars per million tokens; cached tokens cost as much as others unless `cached` is set."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: NotNegativeFloat
    output: NotNegativeFloat = 0.0
    cached: NotNegativeFloat | None = None


ProtocolName = Literal["chat", "messages", "responses"]
"""Protocol of a server of language models: OpenAI's chat completions or responses, or Anthropic's messages."""


class Fallback(BaseModel):
    """A server that is called if the one before fails; its model replaces the caller's."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: Url
    api_key: SecretStr | None = None
    model: str | None = None
    protocol: ProtocolName = "chat"


class LlmSettings(Group):
    """Group `llm` of the settings."""

    title = "Language models"
    prefix = "LLM_"

    base_url: Url | None = Field(
        None,
        description="Server of language models, such as `https://api.openai.com/v1`."
        " Unset: nothing leaves this machine, and answers are extracted from the sources.",
    )
    api_key: SecretStr | None = Field(None, description="Key of that server.")
    protocol: ProtocolName = Field(
        "chat",
        description="Protocol of that server: OpenAI's `chat` (completions) or `responses`, or Anthropic's `messages`."
        " Callers may use any of the three: requests and answers are translated.",
    )
    model: str | None = Field(None, description="Model that `/query` and `/research` use there.")
    answerer: Literal["auto", "extractive"] = Field(
        "auto",
        description="How `/query` answers: `extractive` quotes sentences of the sources, without a model; `auto` calls"
        " the model if server and model are set.",
    )
    policies: Path | None = Field(None, description="File with content policies (YAML). Unset: the built-in policy.")
    fallbacks: tuple[Fallback, ...] = Field(
        (),
        examples=[[{"base_url": "https://llm.example.com/v1", "api_key": "…", "model": "my-model"}]],
        description="Servers that are called if it fails, in this order: JSON `[{base_url, api_key, model, protocol}]`.",
    )
    timeout_s: Positive = Field(60, description="Seconds without data after which a call to a server fails.")
    total_s: Positive = Field(600, description="Maximum seconds of a call, including streaming.")
    retries: NotNegative = Field(2, description="Retries of a call at a server before the next server is called.")
    concurrency: Positive = Field(256, description="Maximum concurrent calls of a server process; others wait.")
    max_tokens: Positive = Field(
        4096, description="Tokens of an answer that are reserved in the budgets if the caller sets no maximum."
    )
    prices: dict[str, Price] = Field(
        {},
        examples=[{"my-model": {"input": 0.5, "output": 1.5}}],
        description="US dollars per million tokens, by model, in place of the published prices:"
        " JSON `{model: {input, output, cached}}`.",
    )
    prices_as: str | None = Field(
        None,
        description="Provider whose published prices apply at servers of no known provider, such as `openai` for a proxy"
        " in your own network.",
    )

    @field_validator("prices_as")
    @classmethod
    def _check_provider(cls, provider: str | None) -> str | None:
        if provider is None:
            return None
        from genai_prices.data import providers  # a large table: most processes never read it

        ids = [known.id for known in providers]
        if provider not in ids:
            raise ValueError(f"is not a provider with published prices; these are: {', '.join(ids)}")
        return provider
