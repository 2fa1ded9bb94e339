"""Pools of servers: those of one pool share calls by their weights, and a call goes to the next pool if one fails.

A member is a server with one of its keys.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from guard_core.settings import Fallback
from guard_core.settings.llm import LlmSettings
from serving.gateway.protocols.registry import PROTOCOLS
from serving.gateway.upstreams.pauses import LONGEST_S, choose_pause_s
from serving.gateway.upstreams.upstream import Upstream

Pool = tuple[Upstream, ...]
_EARLY_S: Final = 0.001  # a timer may fire this much before its time


def build_pools(settings: LlmSettings) -> tuple[Pool, ...]:
    """Return the pools of the servers that are configured, in order."""
    pools: list[list[Upstream]] = []
    for place, server in enumerate(settings.servers):
        members = _members(server, place, settings.max_tokens)
        if server.with_previous and pools:
            pools[-1] += members
        else:
            pools.append(members)
    return tuple(tuple(pool) for pool in pools)


def _members(server: Fallback, place: int, max_tokens: int) -> list[Upstream]:
    host = urlsplit(server.base_url).hostname or ""
    name = host or f"upstream {place}"
    protocol = PROTOCOLS[server.protocol]
    secrets = [key for key in (server.api_key, *server.api_keys) if key is not None]
    keys: list[str | None] = [*(secret.get_secret_value() for secret in secrets)] or [None]
    return [
        Upstream(
            name if number == 1 else f"{name} (key {number})",
            server.base_url.rstrip("/"),
            server.model,
            {"Content-Type": "application/json", **protocol.headers(host, key)},
            protocol=protocol,
            max_tokens=max_tokens,
            models=server.models,
            weight=server.weight / len(keys),
        )
        for number, key in enumerate(keys, 1)
    ]


def choose_by_weight(candidates: Sequence[Upstream]) -> Upstream:
    """Return the candidate whose turn it is, by smooth weighted round robin: turns are spread, not in a row."""
    if len(candidates) == 1:
        return candidates[0]
    for candidate in candidates:
        candidate.credit += candidate.weight
    chosen = max(candidates, key=lambda candidate: candidate.credit)
    chosen.credit -= sum(candidate.weight for candidate in candidates)
    return chosen


class PoolCall:
    """The attempts of one call at a pool: one for each member, and the retries; a wait only when no member is free.

    Parameters
    ----------
    model : that the caller has requested.
    deadline : of the call, on the clock `time.monotonic`.
    """

    def __init__(self, pool: Pool, model: str, retries: int, deadline: float) -> None:
        self._members = list(pool)
        self._model = model
        self._deadline = deadline
        self._attempts_left = len(pool) + retries
        self._waits_left = retries + 1
        self._failures: dict[Upstream, int] = {}
        self._ready_at: dict[Upstream, float] = {}

    async def next_member(self) -> Upstream | None:
        """Return the member for the next attempt, as soon as one is free; None if the next pool is to be called."""
        while self._attempts_left > 0 and (now := time.monotonic()) < self._deadline:
            waits = [(self._wait_s(member, now), member) for member in self._members if not member.breaker.wait_s]
            free = [member for wait_s, member in waits if wait_s <= _EARLY_S]
            wait_s = min((wait_s for wait_s, _ in waits), default=None)
            if not free and wait_s is not None and wait_s > LONGEST_S:
                free = self._announced(waits)
            if free:
                return self._take([member for member in free if member not in self._failures] or free)
            if wait_s is None or wait_s > LONGEST_S or now + wait_s > self._deadline or not self._waits_left:
                return None
            self._waits_left -= 1
            await asyncio.sleep(wait_s)
        return None

    def record_failure(self, member: Upstream, *, retry: bool, retry_after_s: float | None) -> None:
        """Take note of a failed attempt; a member that is not to be called again in this call is left out."""
        failures = self._failures.get(member, 0)
        self._failures[member] = failures + 1
        pause_s = choose_pause_s(failures, retry_after_s) if retry else None
        if pause_s is None:
            self._members.remove(member)
        else:
            self._ready_at[member] = time.monotonic() + pause_s

    def _wait_s(self, member: Upstream, now: float) -> float:
        cooldown_s = member.cooldowns.wait_s(member.model_of(self._model))
        return max(cooldown_s, self._ready_at.get(member, 0.0) - now)

    def _announced(self, waits: Sequence[tuple[float, Upstream]]) -> list[Upstream]:
        """Return the member that has not refused a call, only announced that it would, and is reset first: it is worth a try."""
        announced = [
            (wait_s, member)
            for wait_s, member in waits
            if member not in self._failures and member.cooldowns.status(member.model_of(self._model)) is None
        ]
        return [min(announced, key=lambda pair: pair[0])[1]] if announced else []

    def _take(self, candidates: Sequence[Upstream]) -> Upstream | None:
        member = choose_by_weight(candidates)
        self._attempts_left -= 1
        return member if member.breaker.allows else None
