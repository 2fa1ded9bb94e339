"""Language models: servers, limits of calls, prices and content policies."""

from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from guard_core.settings.group import Group, NotNegative, NotNegativeFloat, Positive, Url


class Price(BaseModel):
    """US dollars per million tokens; tokens from the provider's cache and those written to it cost as much as others unless set."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: NotNegativeFloat
    output: NotNegativeFloat = 0.0
    cached: NotNegativeFloat | None = None
    cache_write: NotNegativeFloat | None = None


ProtocolName = Literal["chat", "messages", "responses"]
"""Protocol of a server of language models: OpenAI's chat completions or responses, or Anthropic's messages."""


class Fallback(BaseModel):
    """A server that is called if the one before fails; its model replaces the caller's.

    Attributes
    ----------
    api_keys : further keys, which share the server's calls evenly with `api_key`.
    models : models that it serves, with `*` for any characters; all unless set.
    weight : its share of the calls of its pool, relative to the weights of the others.
    with_previous : whether it shares the calls of the server before, in one pool, instead of waiting for its failure.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: Url
    api_key: SecretStr | None = None
    model: str | None = None
    protocol: ProtocolName = "chat"
    api_keys: tuple[SecretStr, ...] = ()
    models: tuple[str, ...] = ()
    weight: Annotated[float, Field(gt=0, le=1_000_000)] = 1.0
    with_previous: bool = False


_FIRST_TOKEN_TIMEOUTS: Final = 5
"""Timeouts that the first token may take by default: servers that queue calls send keep-alives for minutes."""


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
    api_keys: tuple[SecretStr, ...] = Field(
        (), description="Further keys of that server as a JSON list; all its keys share its calls evenly."
    )
    models: tuple[str, ...] = Field(
        (),
        examples=[["gpt-*", "o3"]],
        description="Models that that server serves, as a JSON list, with `*` for any characters. Unset: all.",
    )
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
        description="Servers that are called if it fails, in this order: JSON `[{base_url, api_key, model, protocol,"
        " api_keys, models, weight, with_previous}]`. One with `with_previous: true` shares the calls of the server before"
        " it, by `weight` (1 unless set).",
    )
    timeout_s: Positive = Field(
        60,
        description="Seconds without data after which a call to a server fails, and, once its answer has begun, without"
        " anything but keep-alives or bytes too slow to matter.",
    )
    first_token_s: Positive | None = Field(
        None,
        description="Seconds until the first token of a stream, however many keep-alives arrive before it. Unset: five times"
        " `ML_GUARD_LLM_TIMEOUT_S`, which is the limit of answers in one piece, too.",
    )
    total_s: Positive = Field(600, description="Maximum seconds of a call, including streaming.")
    retries: NotNegative = Field(
        2, description="Retries of a call at a server, or a pool of servers, before the next is called."
    )
    concurrency: Positive = Field(256, description="Maximum concurrent calls of a server process; others wait.")
    max_tokens: Positive = Field(
        4096, description="Tokens of an answer that are reserved in the budgets if the caller sets no maximum."
    )
    cache_s: NotNegative = Field(
        0,
        description="Seconds for which the answer to an exactly equal request of the same project is repeated, without a call and"
        " free of charge. 0: answers are never repeated.",
    )
    cache_bytes: Positive = Field(
        64 * 2**20, description="Maximum bytes of answers that a server process keeps for `ML_GUARD_LLM_CACHE_S`."
    )
    prices: dict[str, Price] = Field(
        {},
        examples=[{"my-model": {"input": 0.5, "output": 1.5}}],
        description="US dollars per million tokens, by model, in place of the published prices:"
        " JSON `{model: {input, output, cached, cache_write}}`.",
    )
    prices_as: str | None = Field(
        None,
        description="Provider whose published prices apply at servers of no known provider, such as `openai` for a proxy"
        " in your own network.",
    )

    @property
    def servers(self) -> tuple[Fallback, ...]:
        """Return all servers in order, the first one of `base_url`; none if it is unset."""
        if self.base_url is None:
            return ()
        first = Fallback(
            base_url=self.base_url,
            api_key=self.api_key,
            protocol=self.protocol,
            api_keys=self.api_keys,
            models=self.models,
        )
        return (first, *self.fallbacks)

    def first_token_timeout_s(self, *, stream: bool) -> float:
        """Return the most seconds until an answer begins, keep-alives not counted."""
        return self.first_token_s if stream and self.first_token_s else _FIRST_TOKEN_TIMEOUTS * self.timeout_s

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
