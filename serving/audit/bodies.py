"""Recording of request and response bodies, for projects that enable it: always as redacted by the content policy."""

import asyncio
from typing import Any, Final

import msgspec

from guard_core.project_settings.audit import AuditSettings
from guard_core.project_settings.project import settings_of_project
from guard_core.ttl_cache import TtlCache
from guard_store.ledger.bodies import Bodies
from guard_store.projects.store import ProjectStore
from serving.audit.entry import AuditEntry
from serving.gateway.policy.vault import Vault

MAX_BYTES: Final = 256 * 1024
_encode = msgspec.json.Encoder().encode


class BodyRecorder:
    """Looks up which projects record bodies, and caches the result for some seconds."""

    def __init__(self, projects: ProjectStore, *, cache_s: float) -> None:
        self._projects = projects
        self._enabled: TtlCache[str, bool] = TtlCache(cache_s)

    async def is_enabled(self, project_id: str | None) -> bool:
        """Return whether a project records bodies."""
        if project_id is None:
            return False
        cached = self._enabled.get(project_id)
        if cached is not None:
            return cached
        project = await asyncio.to_thread(self._projects.get, project_id)
        enabled = project is not None and settings_of_project(project.settings, AuditSettings).bodies
        self._enabled.put(project_id, enabled)
        return enabled


def record_bodies(entry: AuditEntry, vault: Vault, request: Any, response: Any = None) -> None:
    """Add bodies to a ledger entry, with every text of the vault replaced by its placeholder."""
    entry.bodies = Bodies(_text(request, vault), None if response is None else _text(response, vault))


def _text(value: Any, vault: Vault) -> str:
    encoded = _encode(_conceal(msgspec.to_builtins(value), vault))
    if len(encoded) > MAX_BYTES:
        return _encode({"omitted_bytes": len(encoded)}).decode()
    return encoded.decode()


def _conceal(value: Any, vault: Vault) -> Any:
    if isinstance(value, str):
        return vault.conceal(value)
    if isinstance(value, list):
        return [_conceal(item, vault) for item in value]
    if isinstance(value, dict):
        return {vault.conceal(str(name)): _conceal(item, vault) for name, item in value.items()}
    return value
