"""The environment variable of each setting, and the source that reads them from the environment and `.env`."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from json import JSONDecodeError
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource

from guard_core.settings.group import Group
from guard_core.suggestions import find_similar

ENV_PREFIX = "ML_GUARD_"
_LEAST_SIMILARITY = 0.8  # of variables: they have a long beginning in common
_LEAST_OF_OTHERS = 0.9  # of variables without our prefix, such as ML_GARD_PORT: others of the environment are no typos


class SettingsError(ValueError):
    """A setting is invalid; the message is one line that names it and the fix."""


@dataclass(frozen=True)
class Variable:
    """The environment variable of one field of one group."""

    group: str
    field: str
    name: str
    also_read: str | None
    info: FieldInfo

    def value_in(self, settings: BaseSettings) -> Any:
        """Return the value of this variable's setting."""
        return getattr(getattr(settings, self.group), self.field)

    @property
    def names(self) -> tuple[str, ...]:
        """All variables that are read, in order of precedence."""
        return (self.name,) if self.also_read is None else (self.name, self.also_read)


def groups_of(settings: type[BaseSettings]) -> Mapping[str, type[Group]]:
    """Return the class of each group by the attribute that holds it, in the order of the documentation."""
    return {
        name: field.annotation
        for name, field in settings.model_fields.items()
        if isinstance(field.annotation, type) and issubclass(field.annotation, Group)
    }


def variables_of(settings: type[BaseSettings]) -> Iterator[Variable]:
    """Yield the variable of each setting, in the order of the documentation."""
    for name, group in groups_of(settings).items():
        for field, info in group.model_fields.items():
            variable = f"{ENV_PREFIX}{group.prefix}{field.upper()}"
            yield Variable(name, field, variable, group.also_read.get(field), info)


class VariablesSource(PydanticBaseSettingsSource):
    """Reads groups of settings from variables; names are not case-sensitive, the environment takes precedence over `.env`."""

    def __init__(
        self, settings_cls: type[BaseSettings], environment: EnvSettingsSource, env_file: EnvSettingsSource
    ) -> None:
        super().__init__(settings_cls)
        self._values = {**env_file.env_vars, **environment.env_vars}  # pydantic-settings lowers the names

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return the values of one group."""
        return self()[field_name], field_name, self.field_is_complex(field)

    def __call__(self) -> dict[str, Any]:
        """Return the values that are set, by group and field.

        Raises
        ------
        SettingsError
            If a variable with our prefix is not a setting, or a value that must be JSON is not.
        """
        variables = list(variables_of(self.settings_cls))
        self._check_unknown({variable.name.lower() for variable in variables})
        groups: dict[str, Any] = {}
        for variable in variables:
            set_names = [name for name in variable.names if self._values.get(name.lower()) is not None]
            if set_names:
                groups.setdefault(variable.group, {})[variable.field] = self._value(variable, set_names[0])
        return groups

    def _check_unknown(self, names: set[str]) -> None:
        unknown = sorted(name for name in self._values if name not in names and _is_ours(name, names))
        if unknown:
            are = "is not a setting" if len(unknown) == 1 else "are not settings"
            problem = f"{', '.join(unknown).upper()} {are} of ML Guard"
            questions = [
                f"did you mean {similar.upper()} by {name.upper()}?"
                for name in unknown
                if (similar := find_similar(name, names, _LEAST_SIMILARITY))
            ]
            raise SettingsError("; ".join([problem, *questions, "docs/settings.md lists them all"]))

    def _value(self, variable: Variable, name: str) -> Any:
        text = self._values[name.lower()]
        if not self.field_is_complex(variable.info):
            return text
        try:
            return self.decode_complex_value(variable.field, variable.info, text)
        except ValueError as error:
            where = f" from character {error.pos + 1} on ({error.msg})" if isinstance(error, JSONDecodeError) else ""
            raise SettingsError(f"{name}: is not JSON{where}; an example: {_example_of(variable.info)}") from None


def _is_ours(name: str, names: set[str]) -> bool:
    if name.startswith(ENV_PREFIX.lower()):
        return True
    return name.startswith("ml") and find_similar(name, names, _LEAST_OF_OTHERS) is not None


def _example_of(info: FieldInfo) -> str:
    return json.dumps(info.examples[0] if info.examples else [])
