"""Settings for tests by the names of their variables: `settings_of(home=…, llm_model=…)` is what `ML_GUARD_HOME` … set."""

from typing import Any

from guard_core.settings import ENV_PREFIX, Settings, variables_of

_PLACES = {
    variable.name.removeprefix(ENV_PREFIX).lower(): (variable.group, variable.field)
    for variable in variables_of(Settings)
}


def settings_of(**values: Any) -> Settings:
    """Return the default settings with these values, checked as those of variables are."""
    return Settings(**_by_group(values))


def with_values(settings: Settings, **values: Any) -> Settings:
    """Return a copy of settings with these values, unchecked."""
    groups = {group: getattr(settings, group).model_copy(update=update) for group, update in _by_group(values).items()}
    return settings.model_copy(update=groups)


def _by_group(values: dict[str, Any]) -> dict[str, Any]:
    groups: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        group, field = _PLACES[name]
        groups.setdefault(group, {})[field] = value
    return groups
