"""What Prometheus reads of alerts and of their delivery. Counts of the database are the same in every worker."""

from prometheus_client import Counter, Gauge

from guard_core.alerting.policy import SEVERITIES
from guard_core.days import now_us
from guard_core.units import SECOND_US
from guard_store.alerts.outbox import Depth

_open = Gauge("ml_guard_alerts_open", "Alerts that are open.", ["severity"], multiprocess_mode="mostrecent")
_deliveries = Counter(
    "ml_guard_alert_deliveries",
    "Attempts at sending a message: sent, failed (tried again), dead (given up).",
    ["outcome"],
)
_outbox = Gauge(
    "ml_guard_alert_outbox_messages",
    "Messages that wait, and those given up.",
    ["state"],
    multiprocess_mode="mostrecent",
)
_age = Gauge(
    "ml_guard_alert_outbox_age_seconds",
    "Age of the oldest message that is due and not sent.",
    multiprocess_mode="mostrecent",
)


def attempted(outcome: str) -> None:
    """Count an attempt."""
    _deliveries.labels(outcome).inc()


def standing(open_alerts: dict[str, int], depth: Depth) -> None:
    """How things are now."""
    for severity in SEVERITIES:
        _open.labels(severity).set(open_alerts.get(severity, 0))
    _outbox.labels("waiting").set(depth.waiting)
    _outbox.labels("dead").set(depth.dead)
    _age.set(0 if depth.oldest_us is None else max(0, now_us() - depth.oldest_us) / SECOND_US)
