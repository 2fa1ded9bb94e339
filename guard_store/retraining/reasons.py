"""The reasons and objections of the retrain rule in words, for messages, cards and the tables of runs.

Weighing them belongs to `ml.retraining.rule`.
"""

from collections.abc import Mapping
from typing import Any

from guard_core.alerting.words import counted, drop_text
from guard_core.columns import feature_name


def reason_text(reason: Mapping[str, Any]) -> str:
    """Describe a reason of a flag in words.

    >>> reason_text({"rule": "age", "age_days": 31, "max_age_days": 30})
    'the champion is 31 days old, 30 are allowed'
    """
    rule = reason["rule"]
    if rule == "age":
        return f"the champion is {reason['age_days']} days old, {reason['max_age_days']} are allowed"
    if rule == "drifted_features":
        names = [feature_name(name) for name in reason["features"]]
        return f"{reason['share']:.0%} of the features by importance drift ({', '.join(names)})".replace("%", " %")
    if rule == "prediction_drift":
        return f"the predictions drift ({', '.join(reason['columns'])})"
    if rule == "performance":
        return drop_text(reason)
    return str(reason.get("reason") or rule)


def objection_text(objection: Mapping[str, Any]) -> str:
    """Describe in words what prevents a recommendation.

    >>> objection_text({"rule": "cooldown", "days_since_flag": 1, "cooldown_days": 14})
    'the last flag is 1 day old, retrain.cooldown_days is 14'
    """
    rule = objection["rule"]
    if rule == "labelled_rows":
        return _labelled_rows_text(objection)
    if rule == "cooldown":
        age = counted(objection["days_since_flag"], "day")
        return f"the last flag is {age} old, retrain.cooldown_days is {objection['cooldown_days']}"
    return "the rule is switched off by retrain.enabled" if rule == "enabled" else str(rule)


def _labelled_rows_text(objection: Mapping[str, Any]) -> str:
    rows = counted(objection["labelled_rows"], "labelled row")
    parts = [f"{rows} can be trained on, retrain.min_labelled_rows is {objection['min_labelled_rows']}"]
    if objection.get("missing_rows"):
        parts.append(f"{counted(objection['missing_rows'], 'row')} beside the held-out days are missing for a training")
    if objection.get("late_labels"):
        parts.append(f"{counted(objection['late_labels'], 'label')} came after the end of the day")
    return ", ".join(parts)
