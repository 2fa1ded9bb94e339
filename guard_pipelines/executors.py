"""Where the steps of a run are executed: the executor of all jobs, and of what is materialised by hand.

Where the runs themselves are started is configured in `dagster.yaml` (run launcher).
"""

from importlib import import_module

import dagster as dg

from guard_core.settings import Settings, SettingsError

_BUILT_IN = {
    # A process a step would cost more than most steps.
    "in_process": dg.in_process_executor,
    "multiprocess": dg.multiprocess_executor,
}
_SETTING = "ML_GUARD_PIPELINES_EXECUTOR"


def executor_of(settings: Settings) -> dg.ExecutorDefinition:
    """Return the executor that the settings name.

    Raises
    ------
    SettingsError
        If it cannot be imported, or is not a definition of an executor.
    """
    name = settings.pipelines.executor
    if name in _BUILT_IN:
        return _BUILT_IN[name]
    module, _, attribute = name.partition(":")
    try:
        definition = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise SettingsError(f"{_SETTING}: {name} cannot be imported: {error}") from error
    if not isinstance(definition, dg.ExecutorDefinition):
        raise SettingsError(f"{_SETTING}: {name} is not a dagster.ExecutorDefinition but a {type(definition).__name__}")
    return definition
