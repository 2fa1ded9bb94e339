"""Calls of models through the gateway: policies, disguised secrets, and the accounts of what calls cost."""

import asyncio
import json
import re
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from openai import AsyncOpenAI

from guard_core.units import NANO
from guard_store.spending.amounts import Amount
from guard_store.spending.usage import UsageStore
from guard_store.spending.works import Reservation, ReserveCall, SettleCall
from serving.app import Services
from serving.gateway.policy.policy import Policy
from serving.gateway.policy.rules import PolicyRules
from tests.support.ledger import read_ledger
from tests.support.upstream import Upstream

SAY = "one two three four five six seven eight"
LONG = " ".join(["word"] * 400)
POLICY = """
default:
  denylist: {terms: [Bluebird], action: redact}
  pii:
    ssn: {action: redact, reversible: true}
    email: redact
    iban: block
"""
SSN, IBAN = "123-45-6789", "DE89 3704 0044 0532 0130 00"
_KINDS = ("ssn", "credit_card", "iban", "email", "phone", "ip", "api_key")
_SECRETS = (
    "SSN",
    "PHI",
    "Project Bluebird",
    "S.S.N",
    "123-45-6789",
    "4111 1111 1111 1111",
    "DE89 3704 0044 0532 0130 00",
    "jo.doe@example.com",
    "+1 (555) 123-4567",
    "192.168.0.17",
    "2001:db8::8a2e:370:7334",
    "sk-" + "a1" * 16,
)
_GROUPED = ("123-45-6789", "4111 1111 1111 1111")
_SPELLED = ("123-45-6789", "4111 1111 1111 1111", "jo.doe@example.com", "PHI")
_MARKUP = (("**", "**"), ("`", "`"), ("<b>", "</b>"), ('<i class="x">', "</i>"), ("<!-- a b -->", ""))
_ENCODINGS = ("&#{};", "&#x{:x};", "&amp;#{};", "\\u{:04x}", "\\x{:02x}", "\\u{{{:x}}}", "%{:02X}", "%25{:02x}")
LOOKS = {"S": "\u0405", "P": "\u0420", "H": "\u041d", "e": "\u0435", "o": "\u043e", "B": "\u0412", "a": "\u0430"}


def message(content: Any, role: str = "user") -> Any:
    """Return a message of a chat."""
    return {"role": role, "content": content}


async def complete(openai: AsyncOpenAI, content: Any, *, stream: bool, **more: Any) -> str:
    """Complete a chat of one message, whole or as a stream, and return the text of the answer."""
    if not stream:
        answer = await openai.chat.completions.create(model="stub", messages=[message(content)], **more)
        return str(answer.choices[0].message.content)
    chunks = await openai.chat.completions.create(model="stub", messages=[message(content)], stream=True, **more)
    return "".join([choice.delta.content or "" async for chunk in chunks for choice in chunk.choices]).strip()


async def spend(
    services: Services,
    project_id: str,
    day: Any,
    *,
    user: str | None = None,
    model: str = "m",
    latency_ms: float | None = None,
) -> None:
    """Reserve and settle one call of 10 + 5 tokens and a cent."""
    took = Amount(tokens_in=10, tokens_out=5, cost_nano_usd=NANO // 100)
    call = Reservation(
        id=uuid.uuid4().hex, route="/query", request_id="r", key_id="k", role="analyst", project_id=project_id,
        end_user=user, model=model, most=took, day=day, key_day=day, project_day=day, made_us=0, expires_us=1,
    )  # fmt: skip
    work = ReserveCall(call)
    await services.events.writer.submit(work)
    assert work.reserved is not None
    await services.events.writer.submit(SettleCall(call, work.reserved.holds, took, model, latency_ms=latency_ms))


async def wait_for_calls(services: Services, calls: int) -> list[dict[str, Any]]:
    """Return the calls' rows of the ledger, newest first, once all of them are there."""
    for _ in range(200):
        found = [row for row in read_ledger(services) if row["model"] is not None]
        if len(found) >= calls:
            return found
        await asyncio.sleep(0.05)
    raise AssertionError("the calls are not on record")


async def check_accounts(services: Services, upstreams: Sequence[Upstream], calls: int) -> None:
    """Check that ledger, usage, budgets and upstreams have counted the same."""
    found = await wait_for_calls(services, calls)
    counts = _count_tokens(*upstreams)
    assert len(found) == calls
    told = tuple(sum(row[name] for row in found) for name in ("tokens_in", "tokens_cached", "tokens_out"))
    assert told == counts
    assert sum(row["cost_nano_usd"] for row in found) == _cost_of(counts)
    day = await services.gateway.day_of("flights")
    (sums,) = UsageStore(services.database).read([], first=day, last=day, limit=1)
    assert (sums.tokens_in, sums.tokens_cached, sums.tokens_out) == counts
    assert (sums.cost_nano_usd, sums.requests) == (_cost_of(counts), calls)
    standings = services.gateway.budgets.statuses(services.gateway.budgets.of(), lambda _: day)
    by_measure = {standing.budget.measure: (standing.spent, standing.reserved) for standing in standings}
    assert by_measure == {
        "cost_usd": (_cost_of(counts), 0),
        "tokens": (counts[0] + counts[2], 0),
        "requests": (calls, 0),
    }
    assert services.audit.store.verify().ok


def _count_tokens(*upstreams: Upstream) -> tuple[int, int, int]:
    return (
        sum(u.tokens_in for u in upstreams),
        sum(u.tokens_cached for u in upstreams),
        sum(u.tokens_out for u in upstreams),
    )


def _cost_of(counts: tuple[int, int, int]) -> int:
    tokens_in, cached, out = counts
    return (tokens_in - cached) * 3_000 + cached * 300 + out * 15_000  # billionths, at the prices of the tests


def build_policy(action: str = "redact", **changed: Any) -> Policy:
    """Build a policy with one action for everything."""
    rules = {
        "denylist": {"terms": ["SSN", "PHI", "Project Bluebird", "straße"], "action": action},
        "pii": dict.fromkeys(_KINDS, action),
        **changed,
    }
    return Policy(PolicyRules.model_validate(rules))


def write_strict_policies(path: Path) -> Path:
    """Write a file with a policy for each of the projects `redact` and `block`, which does this with everything; return its path."""
    denied = {"terms": ["SSN", "PHI", "Project Bluebird"]}
    projects = {
        action: {"denylist": {**denied, "action": action}, "pii": dict.fromkeys(_KINDS, action)}
        for action in ("redact", "block")
    }
    path.write_text(json.dumps({"projects": projects}))
    return path


@st.composite
def disguise_secret(draw: st.DrawFn) -> str:
    """Draw a secret in other cases, widths, scripts and encodings, with markup, separators or invisible characters in it."""
    secret = draw(st.sampled_from(_SECRETS))
    whole = draw(st.sampled_from(("", "", "tags", "markup", "spelled", "gaps")))
    if whole == "tags":
        return "".join(chr(0xE0000 + ord(character)) for character in secret)
    if whole == "markup":
        return _divide(secret, draw(st.sampled_from(_MARKUP)), draw(st.integers(2, 9)))
    if whole == "spelled" and secret in _SPELLED:
        return f"is {draw(st.sampled_from(' ._/')).join(secret.replace(' ', ''))} now"  # numbers beside it would be a part of it
    if whole == "gaps" and secret in _GROUPED:
        gap = draw(st.sampled_from(("\n", "\t", "_", "/", " - ", "  ")))
        return f"is {re.sub('[ -]', gap, secret)} now"
    ways = draw(st.lists(st.integers(0, len(_ENCODINGS) + 6), min_size=len(secret), max_size=len(secret)))
    return "".join(map(_disguise, secret, ways))


def _divide(secret: str, markup: tuple[str, str], place: int) -> str:
    places = [n for n in range(1, len(secret)) if secret[n - 1 : n + 1].isalnum()]
    if not places:
        return secret
    first = places[place % len(places)]
    return f"{secret[:first]}{markup[0]}{secret[first]}{markup[1]}{secret[first + 1 :]}"


def _disguise(character: str, way: int) -> str:
    forms = (
        character,
        character.upper(),
        chr(ord(character) + 0xFEE0) if "!" <= character <= "~" else character,
        character + "\u200b",
        LOOKS.get(character, character),
        character.lower() + "\u2060",
        chr(0x660 + int(character)) if character.isdigit() else character,
        *(encoding.format(ord(character)) for encoding in _ENCODINGS),
    )
    return forms[way]
