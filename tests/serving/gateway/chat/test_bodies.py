"""Bodies are kept where a project asks, as the policy let them through, with the row of the ledger and no longer."""

import json
from pathlib import Path
from typing import Any

import httpx
import openai as lib
import pytest
from openai import AsyncOpenAI

from guard_core.settings import Settings
from guard_store.ledger.store import LedgerStore
from serving.app import Services
from tests.support.clients import Clients
from tests.support.gateway import IBAN, POLICY, SSN, complete
from tests.support.ledger import read_ledger
from tests.support.settings import with_values
from tests.support.upstream import Upstream

MAIL = "jo@example.com"
TEXT = f"My number is {SSN}, mail {MAIL}"
CONCEALED = "My number is [SSN_1], mail [EMAIL_1]"


@pytest.fixture
def settings(settings: Settings, tmp_path: Path) -> Settings:
    path = tmp_path / "policies.yaml"
    path.write_text(POLICY)
    return with_values(settings, llm_policies=path, key_cache_s=0)


@pytest.fixture
async def kept(clients: Clients, project: str) -> httpx.AsyncClient:
    """An admin of the project, which keeps bodies."""
    admin = clients.of("admin", project)
    answer = await admin.patch(f"/api/v1/projects/{project}", json={"settings": {"audit": {"bodies": True}}})
    assert answer.status_code == 200
    return admin


async def bodies(admin: httpx.AsyncClient, services: Services) -> dict[str, Any]:
    """Those of the newest chat."""
    request_id = read_ledger(services, route="/v1/chat/completions")[0]["request_id"]
    (found,) = (await admin.get(f"/api/v1/audit/{request_id}/bodies")).json()["items"]
    return dict(found)


@pytest.mark.parametrize("stream", [False, True])
async def test_what_was_redacted_is_not_in_what_is_kept_even_where_the_caller_got_it_back(
    openai: AsyncOpenAI, kept: httpx.AsyncClient, services: Services, stream: bool
) -> None:
    assert SSN in await complete(openai, TEXT, stream=stream, user=MAIL)
    found = await bodies(kept, services)
    (row,) = read_ledger(services, route="/v1/chat/completions")
    assert found["seq"] == row["seq"]
    assert found["request"]["messages"][0]["content"] == CONCEALED
    assert found["request"]["user"].startswith("user_")
    choice = found["response"]["choices"][0]
    assert (choice["content"] if stream else choice["message"]["content"]).strip() == CONCEALED
    assert SSN not in json.dumps(found)
    assert MAIL not in json.dumps(found)
    (read,) = read_ledger(services, route="/api/v1/audit/{request_id}/bodies")
    assert json.loads(read["details"])["read_bodies_of"] == row["request_id"]
    assert services.audit.store.verify().ok


async def test_without_the_setting_nothing_is_kept(
    openai: AsyncOpenAI, clients: Clients, services: Services, project: str
) -> None:
    await complete(openai, TEXT, stream=False)
    request_id = read_ledger(services, route="/v1/chat/completions")[0]["request_id"]
    answer = await clients.of("admin", project).get(f"/api/v1/audit/{request_id}/bodies")
    assert answer.status_code == 404


async def test_a_blocked_request_is_not_kept_and_a_failed_one_without_an_answer(
    openai: AsyncOpenAI, kept: httpx.AsyncClient, services: Services, upstream: Upstream, spare: Upstream
) -> None:
    with pytest.raises(lib.PermissionDeniedError):
        await complete(openai, IBAN, stream=False)
    upstream.fail, spare.fail = [500, 500], [500, 500]
    with pytest.raises(lib.APIStatusError):
        await complete(openai, TEXT, stream=False)
    found = await bodies(kept, services)
    assert (found["request"]["messages"][0]["content"], found["response"]) == (CONCEALED, None)
    blocked = read_ledger(services, route="/v1/chat/completions")[1]["request_id"]
    assert (await kept.get(f"/api/v1/audit/{blocked}/bodies")).status_code == 404


async def test_only_an_admin_of_the_project_reads_them_and_large_ones_are_left_out(
    openai: AsyncOpenAI, kept: httpx.AsyncClient, clients: Clients, services: Services
) -> None:
    await complete(openai, "x" * 300_000, stream=False)
    found = await bodies(kept, services)
    assert found["request"]["omitted_bytes"] > 300_000
    request_id = read_ledger(services, route="/v1/chat/completions")[0]["request_id"]
    services.projects.create("other", "Other")
    assert (await clients.of("admin", "other").get(f"/api/v1/audit/{request_id}/bodies")).status_code == 404
    assert (await clients.of("analyst").get(f"/api/v1/audit/{request_id}/bodies")).status_code == 403
    assert (await clients.of("admin").get(f"/api/v1/audit/{request_id}/bodies")).status_code == 200


async def test_embeddings_are_kept_without_vectors_and_pruned_rows_take_bodies_along(
    openai: AsyncOpenAI, kept: httpx.AsyncClient, services: Services
) -> None:
    await openai.embeddings.create(model="stub", input=TEXT)
    row = read_ledger(services, route="/v1/embeddings")[0]
    (found,) = (await kept.get(f"/api/v1/audit/{row['request_id']}/bodies")).json()["items"]
    assert (found["request"]["input"], found["response"]) == (CONCEALED, None)
    from guard_store.ledger.checkpoints import load_signer
    from guard_store.ledger.entry import Entry

    store = LedgerStore(services.database, load_signer(services.settings))
    sweep = Entry(at_us=row["at_us"] + 10**12, route="retention", method="SWEEP", status=200)
    store.prune(row["at_us"] + 10**12, sweep)
    assert services.audit.bodies.of_request(row["request_id"], None) == []


async def test_the_setting_is_of_the_project_alone(clients: Clients, project: str) -> None:
    admin = clients.of("admin")
    for settings in ({"audit": {"bodies": "yes"}}, {"models": {"m": {"audit": {"bodies": True}}}}):
        answer = await admin.patch(f"/api/v1/projects/{project}", json={"settings": settings})
        assert answer.status_code == 422
        assert "audit" in answer.text
