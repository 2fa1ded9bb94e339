"""Bodies for the record, where a project asks for them: as the policy let them through, never what it took out."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import msgspec

from guard_core.project_settings.checks import Check, CheckedSettings, boolean
from guard_store.ledger.bodies import Bodies
from guard_store.projects.store import ProjectStore
from serving.audit.record import Record
from serving.gateway.policy.vault import Vault

MOST_BYTES: Final = 256 * 1024
_CACHED_MOST = 10_000
_encode = msgspec.json.Encoder().encode


_CHECKS: Mapping[str, Check] = {"bodies": boolean}


@dataclass(frozen=True, slots=True)
class AuditSettings(CheckedSettings):
    """What a project's section `audit` may say.

    Attributes
    ----------
    bodies : whether bodies of calls of language models are kept.
    """

    CHECKS: ClassVar[Mapping[str, Check]] = _CHECKS

    bodies: bool = False


class BodyKeeper:
    """Knows which projects want bodies kept, and puts them on record."""

    def __init__(self, projects: ProjectStore, *, cache_s: float) -> None:
        self._projects = projects
        self._cache_s = cache_s
        self._known: dict[str, tuple[float, bool]] = {}

    async def keeps(self, project_id: str | None) -> bool:
        """Whether a project wants it."""
        if project_id is None:
            return False
        known = self._known.get(project_id)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        project = await asyncio.to_thread(self._projects.get, project_id)
        wanted = project is not None and AuditSettings.from_dict(project.settings.get("audit", {})).bodies
        if len(self._known) >= _CACHED_MOST:
            self._known.clear()
        self._known[project_id] = (time.monotonic() + self._cache_s, wanted)
        return wanted


def keep(record: Record, vault: Vault, request: Any, response: Any = None) -> None:
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
