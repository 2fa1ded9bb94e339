"""What Prometheus reads of calls of language models. Labels are bounded: callers choose the names of models."""

from functools import cache
from typing import TypeVar

from prometheus_client import Counter, Gauge, Histogram

from guard_core.units import NANO
from guard_store.spending.amounts import Amount
from guard_store.spending.budgets import BudgetStatus

_M = TypeVar("_M", Counter, Histogram)
_MODELS_MOST = 50
_OTHER = "other"
_known: set[str] = set()

_calls = Counter("ml_guard_llm_calls", "Calls of language models, by how they ended.", ["route", "model", "outcome"])
_tokens = Counter(
    "ml_guard_llm_tokens",
    "Tokens, by kind: in (cached ones included), cached, out (reasoning included), reasoning.",
    ["route", "model", "kind"],
)
_cost = Counter("ml_guard_llm_cost_usd", "US dollars of calls whose price is known.", ["route", "model"])
_unpriced = Counter("ml_guard_llm_unpriced_calls", "Calls whose price is not known.", ["route", "model"])
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
    "ml_guard_policy_findings", "Rules of the policy that were met.", ["route", "rule", "action", "side"]
)
_refusals = Counter("ml_guard_budget_refusals", "Calls that a hard budget has refused.", ["route", "scope", "measure"])
_left = Gauge(
    "ml_guard_budget_left_ratio",
    "Share of a hard budget that is neither spent nor reserved in its present span.",
    ["budget_id", "scope", "scope_id", "measure", "period"],
    multiprocess_mode="livemin",
)


@cache  # as bounded as the labels are; looking a child up takes longer than counting
def _labelled(metric: _M, *labels: str) -> _M:
    return metric.labels(*labels)


def ended(route: str, model: str, outcome: str, took: Amount, seconds: float) -> None:
    """Count a call that has been settled."""
    label = _label(model)
    _labelled(_calls, route, label, outcome).inc()
    _labelled(_seconds, route, label).observe(seconds)
    for kind, n in (
        ("in", took.tokens_in),
        ("cached", took.tokens_cached),
        ("out", took.tokens_out),
        ("reasoning", took.tokens_reasoning),
    ):
        if n:
            _labelled(_tokens, route, label, kind).inc(n)
    if took.cost_nano_usd is None:
        _labelled(_unpriced, route, label).inc()
    else:
        _labelled(_cost, route, label).inc(took.cost_nano_usd / NANO)


def first_token(route: str, model: str, seconds: float) -> None:
    """A stream has begun to say something."""
    _first.labels(route, _label(model)).observe(seconds)


def found(route: str, rule: str, action: str, side: str, n: int) -> None:
    """Count findings of the policy."""
    _findings.labels(route, rule, action, side).inc(n)


def refused(route: str, scope: str, measure: str) -> None:
    """Count a refusal."""
    _refusals.labels(route, scope, measure).inc()


def standing(of: BudgetStatus) -> None:
    """How a budget stands now."""
    budget = of.budget
    if budget.hard is not None:
        left = max(0.0, 1 - (of.spent + of.reserved) / budget.hard) if budget.hard else 0.0
        _left.labels(budget.id, budget.scope, budget.scope_id, budget.measure, budget.period).set(left)


def _label(model: str) -> str:
    if model not in _known:
        if len(_known) >= _MODELS_MOST:
            return _OTHER
        _known.add(model)
    return model
