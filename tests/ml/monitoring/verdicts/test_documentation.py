"""docs/drift.md says what the code does: thresholds, defaults, states."""

from guard_core.project_settings.drift import ColumnOverride, DriftSettings
from guard_core.project_settings.drift_methods import DEFAULT_THRESHOLDS
from ml.monitoring.verdicts.report import STATES
from tests.support.paths import ROOT

PAGE = (ROOT / "docs/drift.md").read_text(encoding="utf-8")


def cells_of(first: str) -> list[str]:
    row = next(line for line in PAGE.splitlines() if line.startswith(f"| `{first}` |"))
    return [cell.strip() for cell in row.replace(r"\|", "").strip("|").split("|")]


def test_every_method_is_documented_with_its_default_thresholds() -> None:
    for method, limits in DEFAULT_THRESHOLDS.items():
        assert cells_of(method)[2:4] == [f"{limits.warning:g}", f"{limits.drift:g}"]


def test_every_state_is_documented_worst_first() -> None:
    documented = [PAGE.index(f"| `{state}` |") for state in STATES]
    assert documented == sorted(documented)


def test_every_setting_is_documented_with_its_default() -> None:
    for name in (*DriftSettings.model_fields, *ColumnOverride.model_fields):
        assert f"`{name}`" in PAGE or f'"{name}"' in PAGE, name
    settings = DriftSettings()
    for name in ("bins", "alpha", "minimum_rows"):
        assert f"`{name}` ({getattr(settings, name)})" in PAGE
    assert f"`windows` ({list(settings.windows)})" in PAGE
