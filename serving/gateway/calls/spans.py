"""Spans of calls of language models, in the words of the GenAI semantic conventions."""

from contextlib import AbstractContextManager
from typing import Final
from urllib.parse import urlsplit

from guard_store.spending.amounts import Amount
from serving.http import tracing
from serving.http.tracing import Span

_PROVIDERS: Final = (
    (".azure.com", "azure.ai.openai"),
    (".anthropic.com", "anthropic"),
    (".mistral.ai", "mistral_ai"),
    (".deepseek.com", "deepseek"),
    (".groq.com", "groq"),
    (".x.ai", "x_ai"),
    (".perplexity.ai", "perplexity"),
)
_OPENAI: Final = "openai"  # what the others speak


def of_call(route: str, model: str, request_id: str) -> AbstractContextManager[Span]:
    """The span of a call, all its attempts included."""
    operation = "embeddings" if route.endswith("/embeddings") else "chat"
    attributes = {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": _OPENAI,
        "gen_ai.request.model": model,
        tracing.REQUEST_ID: request_id,
    }
    return tracing.span(f"{operation} {model}", attributes, kind="client")


def first_token(span: Span, seconds: float) -> None:
    """The stream has begun to say something."""
    span.event("first_token")
    span.set({"gen_ai.request.stream": True, "gen_ai.response.time_to_first_chunk": seconds})


def ended(span: Span, took: Amount, model: str, base_url: str | None, outcome: str) -> None:
    """The call is settled; without a server nothing has answered."""
    if span is tracing.NO_SPAN:
        return
    if base_url is not None:
        host = urlsplit(base_url).hostname or ""
        span.set(
            {
                "gen_ai.provider.name": next((name for end, name in _PROVIDERS if f".{host}".endswith(end)), _OPENAI),
                "server.address": host,
                "gen_ai.response.model": model,
                "gen_ai.usage.input_tokens": took.tokens_in,
                "gen_ai.usage.output_tokens": took.tokens_out,
                "gen_ai.usage.cache_read.input_tokens": took.tokens_cached or None,
                "gen_ai.usage.reasoning.output_tokens": took.tokens_reasoning or None,
                "ml_guard.tokens_estimated": took.estimated,
            }
        )
    span.set({"ml_guard.outcome": outcome})
    if outcome in {"error", "aborted"}:
        span.fail(outcome)
