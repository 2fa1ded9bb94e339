"""Settings of a section as rows of a table: the value in force, the default, and what it means."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from guard_core.project_settings.section import Section


@dataclass(frozen=True, slots=True)
class SettingRow:
    """One setting; `value` is the one in force, as JSON."""

    name: str
    value: str
    default: str
    is_default: bool
    description: str


def setting_rows(section: type[Section], stored: Mapping[str, Any]) -> list[SettingRow]:
    """Return the settings of a section in its order; stored values are shown as they are, valid or not.

    >>> from guard_core.project_settings.labels import LabelSettings
    >>> row = setting_rows(LabelSettings, {"task": "regression"})[0]
    >>> row.name, row.value, row.default, row.is_default
    ('task', '"regression"', 'null', False)
    """
    defaults = section().model_dump(mode="json")
    return [
        SettingRow(
            name,
            json.dumps(stored.get(name, defaults[name])),
            json.dumps(defaults[name]),
            name not in stored,
            info.description or "",
        )
        for name, info in section.model_fields.items()
    ]
