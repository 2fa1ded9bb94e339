"""How many drift alerts would have opened with other verdicts: the conditions of alert policies, day after day."""

from collections.abc import Iterable, Sequence

from guard_core.alerting.policy import Policy
from ml.alerting.conditions import Finding, JudgedDay, evaluate_days

_KIND = "drift"


def count_drift_alerts(model_id: str, days: Sequence[str], shares: Sequence[float], policies: Iterable[Policy]) -> int:
    """Count the drift alerts of a model that open within some days, of all policies.

    Parameters
    ----------
    days, shares : (n,) judged days, oldest first, and the share of the judged columns that drifts on each.

    Examples
    --------
    >>> two_of_three = Policy(name="drift", when=("drift",), days=2, of_days=3)
    >>> days = [f"2026-03-0{day}" for day in range(1, 9)]
    >>> count_drift_alerts("churn", days, [0.1, 0.1, 0, 0, 0, 0.1, 0, 0.1], [two_of_three])
    2
    """
    opened = 0
    for policy in policies:
        if not policy.covers(_KIND, model_id):
            continue
        limit = policy.limit(_KIND) or 0.0
        judged = [
            JudgedDay(day, Finding("drift", share) if share > limit else None)
            for day, share in zip(days, shares, strict=True)
        ]
        was_open = False
        for end in range(1, len(judged) + 1):
            result = evaluate_days(judged[:end], policy.days, policy.of_days)
            is_open = result is not None and result.finding is not None
            opened += is_open and not was_open
            was_open = is_open
    return opened
