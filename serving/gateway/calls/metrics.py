"""Prometheus metrics of calls of language models. Labels are bounded, because callers choose the names of models."""

from functools import cache
from typing import TypeVar

from prometheus_client import Counter, Histogram

from guard_core.units import NANO
from guard_store.spending.amounts import Amount

_M = TypeVar("_M", Counter, Histogram)
_MODELS_MOST = 50
_OTHER = "other"
_known: set[str] = set()

_calls = Counter("ml_guard_llm_calls", "Calls of language models, by outcome.", ["route", "model", "outcome"])
_tokens = Counter(
    "ml_guard_llm_tokens",
    "Tokens, by kind: in (cached ones included), cached, out (reasoning included), reasoning.",
    ["route", "model", "kind"],
)
_cost = Counter("ml_guard_llm_cost_usd", "US dollars spent on calls with a known price.", ["route", "model"])
_repeats = Counter("ml_guard_llm_repeated_answers", "Answers that were repeated without a call.", ["route", "model"])
_unpriced = Counter("ml_guard_llm_unpriced_calls", "Calls with an unknown price.", ["route", "model"])
_seconds = Histogram(
    "ml_guard_llm_call_seconds",
    "Seconds from the reservation to the end of the answer.",
    ["route", "model"],
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600),
)
_first = Histogram(
    "ml_guard_llm_first_token_seconds",
    "Seconds from the reservation to the first token of a stream.",
    ["route", "model"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
_findings = Counter(
    "ml_guard_policy_findings", "Findings of the content policy, by rule.", ["route", "rule", "action", "side"]
)
_refusals = Counter("ml_guard_budget_refusals", "Calls refused by a hard budget.", ["route", "scope", "measure"])


@cache  # bounded like the labels; looking up a child takes longer than counting
def _labelled(metric: _M, *labels: str) -> _M:
    return metric.labels(*labels)


def count_cache_hit(route: str, model: str) -> None:
    """Count an answer from the cache, for which no call was made."""
    _labelled(_repeats, route, _label(model)).inc()


def count_call(route: str, model: str, outcome: str, usage: Amount, seconds: float) -> None:
    """Count a settled call: its outcome, duration, tokens and cost."""
    label = _label(model)
    _labelled(_calls, route, label, outcome).inc()
    _labelled(_seconds, route, label).observe(seconds)
    for kind, n in (
        ("in", usage.tokens_in),
        ("cached", usage.tokens_cached),
        ("out", usage.tokens_out),
        ("reasoning", usage.tokens_reasoning),
    ):
        if n:
            _labelled(_tokens, route, label, kind).inc(n)
    if usage.cost_nano_usd is None:
        _labelled(_unpriced, route, label).inc()
    else:
        _labelled(_cost, route, label).inc(usage.cost_nano_usd / NANO)


def observe_first_token(route: str, model: str, seconds: float) -> None:
    """Record the seconds from the reservation to the first token of a stream."""
    _first.labels(route, _label(model)).observe(seconds)


def count_finding(route: str, rule: str, action: str, side: str, n: int) -> None:
    """Count findings of the content policy."""
    _findings.labels(route, rule, action, side).inc(n)


def count_refusal(route: str, scope: str, measure: str) -> None:
    """Count a call that a hard budget refused."""
    _refusals.labels(route, scope, measure).inc()


def _label(model: str) -> str:
    if model not in _known:
        if len(_known) >= _MODELS_MOST:
            return _OTHER
        _known.add(model)
    return model
