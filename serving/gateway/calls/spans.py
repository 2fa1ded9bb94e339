"""Spans of calls of language models, named by the GenAI semantic conventions."""

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
_OPENAI: Final = "openai"  # all other servers speak its protocol


def call_span(route: str, model: str, request_id: str) -> AbstractContextManager[Span]:
    """Open the span of a call, which includes all attempts."""
    operation = "embeddings" if route.endswith("/embeddings") else "chat"
    attributes = {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": _OPENAI,
        "gen_ai.request.model": model,
        tracing.REQUEST_ID: request_id,
    }
    return tracing.span(f"{operation} {model}", attributes, kind="client")


def record_first_token(span: Span, seconds: float) -> None:
    """Record the time to the first token of a stream."""
    span.event("first_token")
    span.set({"gen_ai.request.stream": True, "gen_ai.response.time_to_first_chunk": seconds})


def record_end(span: Span, usage: Amount, model: str, base_url: str | None, outcome: str) -> None:
    """Record the usage and outcome of a settled call; `base_url` is None if no server answered."""
    if span is tracing.NO_SPAN:
        return
    if base_url is not None:
        host = urlsplit(base_url).hostname or ""
        span.set(
            {
                "gen_ai.provider.name": next((name for end, name in _PROVIDERS if f".{host}".endswith(end)), _OPENAI),
                "server.address": host,
                "gen_ai.response.model": model,
                "gen_ai.usage.input_tokens": usage.tokens_in,
                "gen_ai.usage.output_tokens": usage.tokens_out,
                "gen_ai.usage.cache_read.input_tokens": usage.tokens_cached or None,
                "gen_ai.usage.reasoning.output_tokens": usage.tokens_reasoning or None,
                "ml_guard.tokens_estimated": usage.estimated,
            }
        )
    span.set({"ml_guard.outcome": outcome})
    if outcome in {"error", "aborted"}:
        span.fail(outcome)
