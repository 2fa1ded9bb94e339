"""What a project's settings may say, and what a change of them asks for.

What each section may say is where it is used.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from guard_core.project_settings.audit import AuditSettings
from guard_core.project_settings.gate import GateSettings
from guard_core.project_settings.retrain import RetrainSettings
from guard_core.project_settings.section import ProjectSettingsError
from guard_core.project_settings.training import TrainingSpec

from guard_core.project_settings.drift import DriftSettings
from guard_core.project_settings.predict import PredictSettings
from guard_core.project_settings.tools import ToolSettings

_SECTIONS: Mapping[str, Callable[[Mapping[str, Any]], object]] = {
    "drift": DriftSettings.from_dict,
    "retrain": RetrainSettings.from_dict,
    "training": TrainingSpec.from_dict,
    "gate": GateSettings.from_dict,
    "predict": PredictSettings.from_dict,
}
# What is said of a whole project only.
_OF_PROJECTS: Mapping[str, Callable[[Mapping[str, Any]], object]] = {
    "audit": AuditSettings.from_dict,
    "tools": ToolSettings.from_dict,
}


def checked_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """The same settings, if they are right.

    Raises
    ------
    ValueError
        Naming the first wrong field and the fix.
    """
    _only(settings, {*_SECTIONS, *_OF_PROJECTS, "models"}, "settings")
    _check_sections(settings, "", {**_SECTIONS, **_OF_PROJECTS})
    models = _object(settings.get("models", {}), "models")
    for model_id, of_model in models.items():
        path = f"models.{model_id}"
        _only(_object(of_model, path), set(_SECTIONS), path)
        _check_sections(of_model, f"{path}.", _SECTIONS)
    return settings


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


def _check_sections(
    holder: Mapping[str, Any], path: str, sections: Mapping[str, Callable[[Mapping[str, Any]], object]]
) -> None:
    for section, check in sections.items():
        if section in holder:
            try:
                check(_object(holder[section], f"{path}{section}"))
            except ProjectSettingsError as error:
                raise ValueError(f"{path}{section}.{error}") from None  # its message begins with the field


def _only(holder: Mapping[str, Any], known: set[str], path: str) -> None:
    unknown = sorted(set(holder) - known)
    if unknown:
        raise ValueError(f"{path}.{unknown[0]} is not known; there is {' and '.join(sorted(known))}")


def _object(value: Any, path: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{path} must be an object")  # noqa: TRY004 - pydantic turns ValueError into an answer
    return value
