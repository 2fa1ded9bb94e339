"""Prometheus metrics of tools. Labels are bounded: all tools of other agents share one."""

from prometheus_client import Counter, Histogram

_OTHER = "other"
_calls = Counter("ml_guard_tool_calls", "Calls of tools, by outcome.", ["tool", "outcome"])
_seconds = Histogram(
    "ml_guard_tool_call_seconds",
    "Duration of tool calls that ran, in seconds.",
    ["tool"],
    buckets=(0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)


def count_call(tool: str | None, outcome: str, seconds: float | None) -> None:
    """Count a call; `tool` is None for a tool of another agent, `seconds` for a call that did not run."""
    label = tool or _OTHER
    _calls.labels(label, outcome).inc()
    if seconds is not None:
        _seconds.labels(label).observe(seconds)
