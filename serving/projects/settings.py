"""Which results a change of a project's settings affects; the settings themselves are `guard_core.project_settings`."""

from collections.abc import Mapping, Sequence
from typing import Any


def models_with_changed_drift(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str] | None:
    """Return the ids of the models whose drift must be evaluated again, or None for all models of the project."""
    return _models_with_changed(before, after, ("drift",))


def models_with_changed_labels(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str] | None:
    """Return the ids of the models whose performance must be measured again, or None for all models of the project."""
    return _models_with_changed(before, after, ("labels",))


def is_rule_changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Return whether the outcome of the retrain rule may have changed."""
    return _models_with_changed(before, after, ("retrain", "training")) != []


def _models_with_changed(
    before: Mapping[str, Any], after: Mapping[str, Any], sections: Sequence[str]
) -> list[str] | None:
    def select(settings: Mapping[str, Any]) -> list[Any]:
        return [settings.get(section) for section in sections]

    if select(before) != select(after):
        return None
    models_before, models_after = before.get("models", {}), after.get("models", {})
    names = {*models_before, *models_after}
    return sorted(name for name in names if select(models_before.get(name, {})) != select(models_after.get(name, {})))
