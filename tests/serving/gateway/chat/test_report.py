"""The headers of an answer report its cost, its model, the gateway's own time and the parts that were not read."""

import base64
from pathlib import Path
from typing import Any

import openai as lib
import pytest
from openai import AsyncOpenAI

from guard_core.settings import Settings
from serving.app import Services
from tests.support.gateway import message
from tests.support.ledger import read_ledger
from tests.support.settings import with_values
from tests.support.upstream import Upstream

HELLO: list[Any] = [message("Hello there")]
COST = "0.000036000"  # two tokens in at 3 dollars a million, two out at 15
PNG = "data:image/png;base64," + base64.b64encode(bytes(range(256))).decode()
NOTE = "data:text/plain;base64," + base64.b64encode(b"a note " * 20).decode()
WAV = base64.b64encode(bytes(range(256))).decode()


async def test_an_answer_reports_its_cost_model_request_id_and_the_gateways_time(
    openai: AsyncOpenAI, upstream: Upstream, services: Services
) -> None:
    upstream.silent_s = 0.5
    answer = await openai.chat.completions.with_raw_response.create(model="stub", messages=HELLO)
    assert answer.headers["x-ml-guard-cost-usd"] == COST
    assert answer.headers["x-ml-guard-model"] == "stub"
    assert 0 < float(answer.headers["x-ml-guard-overhead-ms"]) < 500
    assert "x-ml-guard-unread" not in answer.headers
    (row,) = read_ledger(services, route="/v1/chat/completions")
    assert row["request_id"] == answer.headers["x-request-id"]
    assert row["cost_nano_usd"] == 36_000


async def test_a_stream_reports_its_cost_in_a_comment_before_its_end(openai: AsyncOpenAI, upstream: Upstream) -> None:
    upstream.delay_s = 0.2
    answer = await openai.chat.completions.with_raw_response.create(model="stub", messages=HELLO, stream=True)
    assert answer.headers["x-ml-guard-model"] == "stub"
    assert 0 < float(answer.headers["x-ml-guard-overhead-ms"]) < 200
    assert "x-ml-guard-cost-usd" not in answer.headers
    text = (await answer.http_response.aread()).decode()
    assert text.endswith(f"\n\n: x-ml-guard-cost-usd: {COST}\n\ndata: [DONE]\n\n")


async def test_the_model_is_the_one_of_the_server_that_answered(openai: AsyncOpenAI, upstream: Upstream) -> None:
    upstream.fail = [500, 500]
    answer = await openai.chat.completions.with_raw_response.create(model="stub", messages=HELLO)
    assert answer.headers["x-ml-guard-model"] == "spare"


async def test_a_call_without_a_price_has_no_header_of_cost(openai: AsyncOpenAI) -> None:
    name = "a\r\nset-cookie: é"
    answer = await openai.chat.completions.with_raw_response.create(model=name, messages=HELLO)
    assert "x-ml-guard-cost-usd" not in answer.headers
    assert "set-cookie" not in answer.headers
    assert answer.headers["x-ml-guard-model"] == "a%0D%0Aset-cookie: %C3%A9"


async def test_embeddings_report_as_chats_do(openai: AsyncOpenAI) -> None:
    answer = await openai.embeddings.with_raw_response.create(model="stub", input="a b", encoding_format="float")
    assert (answer.headers["x-ml-guard-cost-usd"], answer.headers["x-ml-guard-model"]) == ("0.000006000", "stub")


@pytest.mark.parametrize(
    ("part", "kind"),
    [
        ({"type": "image_url", "image_url": {"url": PNG}}, "image"),
        ({"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}, "image"),
        ({"type": "input_image", "image_url": PNG}, "image"),
        ({"type": "input_audio", "input_audio": {"data": WAV, "format": "wav"}}, "audio"),
        ({"type": "file", "file": {"filename": "a.pdf", "file_data": PNG.replace("image/png", "application/pdf")}}, "file"),
        ({"type": "file", "file": {"file_id": "file-123"}}, "file"),
        ({"type": "video_url", "video_url": {"url": "https://example.com/a.mp4"}}, "video"),
        ({"type": "blob", "data": WAV}, "data"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("stream", [False, True])
async def test_a_part_that_the_policy_cannot_read_is_flagged(
    openai: AsyncOpenAI, services: Services, part: dict[str, Any], kind: str, stream: bool
) -> None:
    content: Any = [{"type": "text", "text": "See this"}, part]
    answer = await openai.chat.completions.with_raw_response.create(
        model="stub", messages=[message(content)], stream=stream
    )
    assert answer.headers["x-ml-guard-unread"] == kind
    await answer.http_response.aread()
    (row,) = read_ledger(services, route="/v1/chat/completions")
    assert row["compliance_flag"]
    assert f"request.unread.{kind}" in row["flags"].split(",")


async def test_a_file_that_is_text_is_read(openai: AsyncOpenAI, services: Services) -> None:
    content: Any = [{"type": "file", "file": {"filename": "a.txt", "file_data": NOTE}}]
    answer = await openai.chat.completions.with_raw_response.create(model="stub", messages=[message(content)])
    assert "x-ml-guard-unread" not in answer.headers
    (row,) = read_ledger(services, route="/v1/chat/completions")
    assert not row["compliance_flag"]


class TestPolicyThatBlocksUnreadParts:
    """A project whose policy lets nothing pass that it cannot read."""

    @pytest.fixture
    def settings(self, settings: Settings, tmp_path: Path) -> Settings:
        path = tmp_path / "policies.yaml"
        path.write_text("default: {unread: block}\n")
        return with_values(settings, llm_policies=path)

    async def test_a_picture_is_refused_before_the_upstream(self, openai: AsyncOpenAI, upstream: Upstream) -> None:
        content: Any = [{"type": "image_url", "image_url": {"url": PNG}}]
        with pytest.raises(lib.PermissionDeniedError, match=r"this part .*unread\.image"):
            await openai.chat.completions.create(model="stub", messages=[message(content)])
        assert upstream.requests == 0
