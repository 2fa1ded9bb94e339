"""Drift settings: read from plain data, wrong ones named by path with the fix."""

import json

import pytest

from guard_core.project_settings.drift import DriftSettings
from guard_core.project_settings.drift_methods import CATEGORICAL_METHODS, DEFAULT_THRESHOLDS, METHODS, NUMERIC_METHODS
from guard_core.project_settings.section import ProjectSettingsError


def test_defaults_are_psi_and_jensen_shannon_in_ten_bins() -> None:
    settings = DriftSettings.from_dict({})
    assert (settings.numeric_method, settings.categorical_method, settings.bins) == ("psi", "jensen_shannon", 10)
    assert settings.windows == (1, 2, 4, 7, 14, 28)
    assert settings == DriftSettings()


def test_settings_survive_json() -> None:
    given = {
        "numeric_method": "wasserstein",
        "bins": 20,
        "alpha": 0.001,
        "windows": [1, 7],
        "thresholds": {"psi": {"drift": 0.5}},
        "y_proba": False,
        "overrides": {"age": {"method": "hellinger", "drift": 0.3}, "latency_ms": {"judged": False}},
    }
    settings = DriftSettings.from_dict(given)
    assert DriftSettings.from_dict(json.loads(json.dumps(settings.to_dict()))) == settings
    assert settings.thresholds_of("psi").drift == 0.5
    assert settings.thresholds_of("psi").warning == DEFAULT_THRESHOLDS["psi"].warning


def test_every_method_has_default_thresholds_in_order() -> None:
    assert set(DEFAULT_THRESHOLDS) == set(METHODS) == set(NUMERIC_METHODS) | set(CATEGORICAL_METHODS)
    assert all(0 < limits.warning < limits.drift for limits in DEFAULT_THRESHOLDS.values())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"bin": 10}, r"^bin: unknown; remove it or use one of .*bins"),
        ({"bins": 1}, r"^bins: must be at least 2, got 1$"),
        ({"bins": True}, r"^bins: must be a whole number"),
        ({"alpha": 0}, r"^alpha: must be above 0, got 0$"),
        ({"alpha": 0.6}, r"^alpha: must be at most 0.5, got 0.6$"),
        ({"alpha": float("nan")}, r"^alpha: must be a finite number"),
        ({"numeric_method": "chi_square"}, r"^numeric_method: must be 'psi', .*got 'chi_square'"),
        ({"windows": []}, r"^windows: must have 1 or more entries, got \[\]$"),
        ({"windows": [1, 1]}, r"^windows: must be ascending"),
        ({"windows": [1, 0.5]}, r"^windows\[1\]: must be a whole number"),
        ({"thresholds": {"pis": {}}}, r"^thresholds.pis: must be 'psi', .*, got 'pis'$"),
        ({"thresholds": {"psi": {"drift": 0.05}}}, r"^thresholds.psi: warning \(0.1\) is above drift \(0.05\)"),
        ({"thresholds": {"psi": {"drift": "high"}}}, r"^thresholds.psi.drift: must be a number, got 'high'"),
        ({"overrides": {"age": {"metod": "psi"}}}, r"^overrides.age.metod: unknown"),
        ({"overrides": {"age": {"method": "ks"}}}, r"^overrides.age.method: must be 'psi', .*, got 'ks'$"),
        ({"overrides": {"age": {"warning": 0.5, "drift": 0.1}}}, r"^overrides.age: warning \(0.5\) is above drift"),
        ({"overrides": {"age": 3}}, r"^overrides.age: must be an object"),
        ({"y_pred": "yes"}, r"^y_pred: must be true or false, got 'yes'"),
    ],
)
def test_a_wrong_setting_is_named_with_its_path_and_the_fix(given: dict[str, object], message: str) -> None:
    with pytest.raises(ProjectSettingsError, match=message):
        DriftSettings.from_dict(given)


def test_an_override_names_a_feature_with_or_without_its_prefix_and_envelope_columns_plainly() -> None:
    settings = DriftSettings.from_dict(
        {"overrides": {"age": {"bins": 5}, "feature_city": {"bins": 6}, "y_pred": {"bins": 7}}}
    )
    assert settings.override("feature_age").bins == 5
    assert settings.override("feature_city").bins == 6
    assert settings.override("y_pred").bins == 7
    assert settings.override("feature_y_pred").bins is None


def test_only_features_and_the_envelope_are_judged_and_each_can_be_switched_off() -> None:
    settings = DriftSettings.from_dict({"latency_ms": False, "overrides": {"age": {"judged": False}}})
    judged = [name for name in ("feature_age", "feature_b", "y_pred", "latency_ms", "segment") if settings.judges(name)]
    assert judged == ["feature_b", "y_pred"]


def test_slices_are_named_by_columns_that_events_have() -> None:
    assert DriftSettings.from_dict({"slices": ["segment", "endpoint"]}).slices == ("segment", "endpoint")
    with pytest.raises(ProjectSettingsError, match=r"slices\[0\]: must be 'endpoint', 'model_version' or 'segment'"):
        DriftSettings.from_dict({"slices": ["country"]})
    with pytest.raises(ProjectSettingsError, match="slices: must be without repeats"):
        DriftSettings.from_dict({"slices": ["segment", "segment"]})
