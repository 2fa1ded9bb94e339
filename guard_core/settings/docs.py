"""Documentation generated from the settings: `docs/settings.md`, the table in README.md and `.env.example`.

Tests compare these files with the output of this module.
"""

import json
from collections.abc import Iterable
from pathlib import PurePath
from typing import Any

from pydantic.fields import FieldInfo

from guard_core.settings.root import Settings
from guard_core.settings.variables import Variable, groups_of, variables_of

_PAGE_HEAD = """\
# Settings

Environment variables, or lines of `.env` (`.env.example` lists them all). An invalid or unknown variable stops the start with a
message that names it. `ml-guard settings` prints this page.
"""
_FIRST = (  # the settings in README.md, in this order
    "ML_GUARD_HOME",
    "ML_GUARD_DATABASE_URL",
    "ML_GUARD_LAKE_URL",
    "ML_GUARD_MLFLOW_URL",
    "ML_GUARD_PUBLIC_URL",
    "ML_GUARD_LLM_BASE_URL",
    "ML_GUARD_LLM_API_KEY",
    "ML_GUARD_LLM_MODEL",
    "ML_GUARD_KNOWLEDGE_URL",
    "ML_GUARD_ALERT_ROUTES",
)


def markdown_page() -> str:
    """Return the page of all settings: one section for each group, with variable, default and meaning."""
    variables = list(variables_of(Settings))
    sections = [
        f"## {group.title}\n\n{_table(variable for variable in variables if variable.group == name)}"
        for name, group in groups_of(Settings).items()
    ]
    return "\n".join([_PAGE_HEAD, *sections])


def first_settings() -> str:
    """Return a Markdown table of the settings that a new installation needs first."""
    variables = {variable.name: variable for variable in variables_of(Settings)}
    return _table(variables[name] for name in _FIRST)


def env_example() -> str:
    """Return an `.env` file with every setting at its default, commented out."""
    blocks = ["# Settings of ML Guard: copy to .env and remove the # of each setting that you change.\n"]
    title = ""
    for variable in variables_of(Settings):
        if (group := groups_of(Settings)[variable.group]).title != title:
            title = group.title
            blocks.append(f"## {title}\n")
        meaning = _description(variable.info).replace("`", "")
        blocks.append(f"# {meaning}\n# {variable.name}={_default(variable.info)}\n")
    return "\n".join(blocks)


def _table(variables: Iterable[Variable]) -> str:
    rows = [
        f"| `{variable.name}` | {_shown_default(variable.info)} | {_description(variable.info)} |"
        for variable in variables
    ]
    return "\n".join(["| variable | default | meaning |", "|---|---|---|", *rows]) + "\n"


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
