"""What Prometheus reads of tools. Labels are bounded: other people's tools are one."""

from prometheus_client import Counter, Histogram

_OTHER = "other"
_calls = Counter("ml_guard_tool_calls", "Calls of tools, by how they ended.", ["tool", "outcome"])
_seconds = Histogram(
    "ml_guard_tool_call_seconds",
    "Seconds of calls of tools that ran.",
    ["tool"],
    buckets=(0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)


def ended(tool: str | None, outcome: str, seconds: float | None) -> None:
    """Count a call; `tool` None is one of other people's, `seconds` None one that did not run."""
    label = tool or _OTHER
    _calls.labels(label, outcome).inc()
    if seconds is not None:
        _seconds.labels(label).observe(seconds)
