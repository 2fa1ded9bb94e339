"""Without a knowledge base, the page has the command that builds one."""

from tests.support.clients import Clients
from tests.support.pages import sign_in


async def test_an_empty_knowledge_base_has_the_command_that_builds_it(clients: Clients) -> None:
    page = (await (await sign_in(clients, "guest")).get("/ask")).text
    assert "<h1>The knowledge base is empty</h1>" in page
    assert "ML_GUARD_KNOWLEDGE_URL" in page
