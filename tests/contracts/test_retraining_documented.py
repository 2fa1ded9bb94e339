"""The pages about retraining are true: every setting with its default, and the cards' own templates."""

import re
from collections import defaultdict

import pytest

from guard_core.project_settings.promotion import PromotionSettings
from guard_core.project_settings.retrain import RetrainSettings
from guard_core.project_settings.section import Section
from guard_core.project_settings.training import TrainingSpec
from tests.support.paths import ROOT

PAGE = (ROOT / "docs/retraining.md").read_text()


@pytest.mark.parametrize("settings", [RetrainSettings, PromotionSettings, TrainingSpec])
def test_every_setting_is_on_the_page(settings: type[Section]) -> None:
    named = set(re.findall(r"`(\w+)`", PAGE))
    assert set(settings.model_fields) <= named


def test_the_defaults_of_the_tables_are_those_of_the_code() -> None:
    defaults: dict[str, list[object]] = defaultdict(list)  # some names are in two sections
    for settings in (RetrainSettings(), PromotionSettings(), TrainingSpec()):
        for name in type(settings).model_fields:
            defaults[name].append(getattr(settings, name))
    checked = 0
    for names, shown in re.findall(r"^\| ((?:`\w+`(?:, )?)+) \| ([^|]+?) \|", PAGE, re.MULTILINE):
        own = [defaults[name] for name in re.findall(r"`(\w+)`", names) if name in defaults]
        told = shown.split(", ")
        for values, text in zip(own, told, strict=False):
            if isinstance(values[0], bool):
                assert text == str(values[0]).lower(), names
            elif isinstance(values[0], (int, float)):
                assert float(text.replace(",", "")) in values, names
            checked += 1
    assert checked > 15


@pytest.mark.parametrize("name", ["model", "data"])
def test_the_templates_of_the_cards_are_those_that_are_filled_in(name: str) -> None:
    template = (ROOT / f"ml/retraining/training/{name}_card.md").read_text().rstrip()
    assert template in (ROOT / f"docs/{name}-card.md").read_text()
