"""Bodies for the record, where a project asks for them: as the policy let them through, never what it took out."""

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

MOST_BYTES: Final = 256 * 1024
_encode = msgspec.json.Encoder().encode


class BodyKeeper:
    """Knows which projects want bodies kept, and puts them on record."""

    def __init__(self, projects: ProjectStore, *, cache_s: float) -> None:
        self._projects = projects
        self._wanted: TtlCache[str, bool] = TtlCache(cache_s)

    async def keeps(self, project_id: str | None) -> bool:
        """Whether a project wants it."""
        if project_id is None:
            return False
        cached = self._wanted.get(project_id)
        if cached is not None:
            return cached
        project = await asyncio.to_thread(self._projects.get, project_id)
        wanted = project is not None and settings_of_project(project.settings, AuditSettings).bodies
        self._wanted.put(project_id, wanted)
        return wanted


def keep(record: AuditEntry, vault: Vault, request: Any, response: Any = None) -> None:
    """Put bodies on record; what the vault holds is replaced by its placeholders, wherever it stands."""
    record.bodies = Bodies(_text(request, vault), None if response is None else _text(response, vault))


def _text(value: Any, vault: Vault) -> str:
    encoded = _encode(_concealed(msgspec.to_builtins(value), vault))
    if len(encoded) > MOST_BYTES:
        return _encode({"omitted_bytes": len(encoded)}).decode()
    return encoded.decode()


def _concealed(value: Any, vault: Vault) -> Any:
    if isinstance(value, str):
        return vault.conceal(value)
    if isinstance(value, list):
        return [_concealed(item, vault) for item in value]
    if isinstance(value, dict):
        return {vault.conceal(str(name)): _concealed(item, vault) for name, item in value.items()}
    return value
