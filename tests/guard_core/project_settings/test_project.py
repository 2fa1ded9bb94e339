"""The whole settings of a project: stored as they were given, and overridden by its models."""

import json
from typing import Any

import pytest

from guard_core.project_settings.drift import DriftSettings
from guard_core.project_settings.project import ProjectSettings, settings_of_model, settings_of_project
from guard_core.project_settings.section import ProjectSettingsError
from guard_core.project_settings.tools import ToolSettings

SETTINGS: dict[str, Any] = {
    "drift": {
        "windows": [1, 2],
        "alpha": 0.01,
        "thresholds": {"psi": {"drift": 0.5}},
        "overrides": {"age": {"method": None}},
    },
    "training": {"algorithms": ["linear"], "builder": None},
    "predict": {},
    "tools": {"deny": ["a"], "rules": {"z*": {"cost_usd": 0.5}, "a": {"arguments": {"url": ["x"]}}}},
    "models": {"m": {}, "n": {"drift": {"bins": 3, "thresholds": {"psi": {"warning": 0.15}}}}},
}


def test_settings_are_stored_as_given_without_defaults() -> None:
    stored = ProjectSettings.from_dict(SETTINGS).to_dict()
    assert stored == SETTINGS
    assert list(stored["tools"]["rules"]) == ["z*", "a"]  # the first rule that fits holds
    assert ProjectSettings().to_dict() == {}
    assert ProjectSettings.from_dict(json.loads(json.dumps(stored))) == ProjectSettings.from_dict(SETTINGS)


def test_a_model_overrides_its_project_field_by_field() -> None:
    drift = settings_of_model(SETTINGS, "n", DriftSettings)
    assert (drift.bins, drift.windows, drift.alpha) == (3, (1, 2), 0.01)
    assert (drift.thresholds_of("psi").warning, drift.thresholds_of("psi").drift) == (0.15, 0.5)
    assert settings_of_model(SETTINGS, "m", DriftSettings).bins == DriftSettings().bins
    assert settings_of_model({}, "m", DriftSettings) == DriftSettings()


def test_a_wrong_section_does_not_keep_another_from_being_read() -> None:
    stored = {"drift": {"bins": "many"}, "tools": {"deny": ["a"]}}
    assert settings_of_project(stored, ToolSettings).deny == ("a",)
    with pytest.raises(ProjectSettingsError, match=r"^bins: must be a whole number, got 'many'$"):
        settings_of_model(stored, "m", DriftSettings)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"colour": 1}, r"^colour: unknown; remove it or use one of drift, .*tools, models$"),
        ({"models": {"m": {"audit": {}}}}, r"^models.m.audit: unknown; remove it or use one of drift, .*predict$"),
        ({"drift": None}, "^drift: must be an object with named fields, got None$"),
        ({"retrain": {"days": 9}}, "^retrain.days: 9 of 3 days cannot be; lower days or raise of_days$"),
        ({"training": {"exclude": "x"}}, "^training.exclude: must be a list, got 'x'$"),
        ({"promotion": {"min_gain": -1}}, "^promotion.min_gain: must be at least 0, got -1$"),
        ({"tools": {"rules": {"a": {"role": "king"}}}}, "^tools.rules.a.role: must be 'admin', .*, got 'king'$"),
    ],
)
def test_a_wrong_field_is_named_by_its_whole_path(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ProjectSettingsError, match=message):
        ProjectSettings.from_dict(given)
