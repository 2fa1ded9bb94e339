"""The settings of a model out of its project's: the project's section, with the model's own on top.

What a section may say is decided where it is used.
"""

from collections.abc import Mapping
from typing import Any, Literal

Section = Literal["drift", "retrain", "training", "gate", "predict"]


def settings_of_model(settings: Mapping[str, Any], model_id: str, section: Section) -> dict[str, Any]:
    """One section of a model's settings.

    >>> settings_of_model({"drift": {"bins": 20}, "models": {"m": {"drift": {"alpha": 0.01}}}}, "m", "drift")
    {'bins': 20, 'alpha': 0.01}
    """
    of_model = settings.get("models", {}).get(model_id, {}).get(section, {})
    return _on_top(settings.get(section, {}), of_model)


def _on_top(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for name, value in above.items():
        both = isinstance(value, dict) and isinstance(merged.get(name), dict)
        merged[name] = _on_top(merged[name], value) if both else value
    return merged
