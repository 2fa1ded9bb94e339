"""The settings in words, made from the settings themselves: README's table and `.env.example`.

Tests hold both files equal to what is made here.
"""

import json
from pathlib import PurePath
from typing import Any

from pydantic.fields import FieldInfo

from guard_core.settings import ENV_PREFIX, Settings


def markdown_table() -> str:
    """A Markdown table of all settings: variable, default, meaning with unit."""
    rows = [
        f"| `{_variable(name)}` | {_shown_default(field)} | {_description(field)} |"
        for name, field in Settings.model_fields.items()
    ]
    return "\n".join(["| variable | default | meaning |", "|---|---|---|", *rows]) + "\n"


def env_example() -> str:
    """An `.env` file with every setting at its default, commented out."""
    blocks = [
        f"# {_description(field).replace('`', '')}\n# {_variable(name)}={_default(field)}\n"
        for name, field in Settings.model_fields.items()
    ]
    head = "# Settings of ML Guard: copy to .env and take the # away where you want another value.\n"
    return "\n".join([head, *blocks])


def _variable(name: str) -> str:
    return ENV_PREFIX + name.upper()


def _description(field: FieldInfo) -> str:
    if not field.description:
        raise ValueError(f"a setting has no description: {field!r}")
    return field.description


def _shown_default(field: FieldInfo) -> str:
    value = _default(field)
    return f"`{value}`" if value else "unset"


def _default(field: FieldInfo) -> str:
    value: Any = field.default
    if value is None:
        return ""
    if isinstance(value, tuple | dict):
        return json.dumps(value)
    return value.as_posix() if isinstance(value, PurePath) else str(value)
