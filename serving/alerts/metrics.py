"""Prometheus metrics of alerts and of their delivery.

The gauges are counted in the database, so every worker reports the same values: hence `mostrecent`.
"""

from prometheus_client import Counter, Gauge

from guard_core.alerting.policy import SEVERITIES
from guard_core.days import now_us
from guard_core.units import SECOND_US
from guard_store.alerts.outbox import Depth

_open = Gauge("ml_guard_alerts_open", "Alerts that are open.", ["severity"], multiprocess_mode="mostrecent")
_deliveries = Counter(
    "ml_guard_alert_deliveries",
    "Attempts to send a message: sent, failed (will be retried), dead (given up).",
    ["outcome"],
)
_outbox = Gauge(
    "ml_guard_alert_outbox_messages",
    "Messages that are waiting, and messages that were given up.",
    ["state"],
    multiprocess_mode="mostrecent",
)
_age = Gauge(
    "ml_guard_alert_outbox_age_seconds",
    "Age of the oldest message that is due and has not been sent.",
    multiprocess_mode="mostrecent",
)


def count_attempt(outcome: str) -> None:
    """Count one attempt to send a message."""
    _deliveries.labels(outcome).inc()


def set_gauges(open_alerts: dict[str, int], depth: Depth) -> None:
    """Set the gauges from the number of open alerts by severity and the depth of the outbox."""
    for severity in SEVERITIES:
        _open.labels(severity).set(open_alerts.get(severity, 0))
    _outbox.labels("waiting").set(depth.waiting)
    _outbox.labels("dead").set(depth.dead)
    _age.set(0 if depth.oldest_us is None else max(0, now_us() - depth.oldest_us) / SECOND_US)
