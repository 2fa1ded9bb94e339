"""What a change of a project's settings has judged again; what the settings may be is `guard_core.project_settings`."""

from collections.abc import Mapping, Sequence
from typing import Any


def models_with_changed_drift(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str] | None:
    """Ids of the models whose drift must be judged again; None for all models of the project."""
    return _models_with_changed(before, after, ("drift",))


def is_rule_changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether the retrain rule may say something else now."""
    return _models_with_changed(before, after, ("retrain", "training")) != []


def _models_with_changed(
    before: Mapping[str, Any], after: Mapping[str, Any], sections: Sequence[str]
) -> list[str] | None:
    def of(holder: Mapping[str, Any]) -> list[Any]:
        return [holder.get(section) for section in sections]

    if of(before) != of(after):
        return None
    models_before, models_after = before.get("models", {}), after.get("models", {})
    names = {*models_before, *models_after}
    return sorted(name for name in names if of(models_before.get(name, {})) != of(models_after.get(name, {})))
