"""What a project's settings may say, and what a change of them asks for.

The drift settings themselves are `ml.verdicts`' to judge.
"""

from collections.abc import Mapping
from typing import Any

from ml.verdicts.settings import DriftSettings


def checked_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """The same settings, if they are right.

    Raises
    ------
    ValueError
        Naming the first wrong field and the fix.
    """
    _only(settings, {"drift", "models"}, "settings")
    _check_drift(settings, "drift")
    models = _object(settings.get("models", {}), "models")
    for model_id, of_model in models.items():
        path = f"models.{model_id}"
        _only(_object(of_model, path), {"drift"}, path)
        _check_drift(of_model, f"{path}.drift")
    return settings


def models_with_changed_drift(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str] | None:
    """Ids of the models whose drift must be judged again; None for all models of the project."""
    if before.get("drift") != after.get("drift"):
        return None
    models_before, models_after = before.get("models", {}), after.get("models", {})
    return sorted(m for m in {*models_before, *models_after} if models_before.get(m) != models_after.get(m))


def _check_drift(holder: Mapping[str, Any], path: str) -> None:
    if "drift" in holder:
        try:
            DriftSettings.from_dict(_object(holder["drift"], path))
        except ValueError as error:
            raise ValueError(f"{path}.{error}") from None  # its message begins with the field


def _only(holder: Mapping[str, Any], known: set[str], path: str) -> None:
    unknown = sorted(set(holder) - known)
    if unknown:
        raise ValueError(f"{path}.{unknown[0]} is not known; there is {' and '.join(sorted(known))}")


def _object(value: Any, path: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{path} must be an object")  # noqa: TRY004 - pydantic turns ValueError into an answer
    return value
