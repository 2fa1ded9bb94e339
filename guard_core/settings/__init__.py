"""Every setting of ML Guard: read once, from the environment and `.env`. A project's own settings are `project_settings`.

`root` holds the settings themselves, `docs` turns them into the table of the documentation and `.env.example`.
"""

from guard_core.settings.root import (
    ENV_PREFIX,
    ROLES,
    AwsAllocation,
    Fallback,
    Price,
    Role,
    Settings,
    SettingsError,
    load_settings,
    reachable_url,
)

__all__ = [
    "ENV_PREFIX",
    "ROLES",
    "AwsAllocation",
    "Fallback",
    "Price",
    "Role",
    "Settings",
    "SettingsError",
    "load_settings",
    "reachable_url",
]
