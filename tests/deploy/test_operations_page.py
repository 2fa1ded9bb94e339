"""docs/operations.md says what docker-compose.yml does: its commands name services, its settings are used."""

import re

import pytest

from tests.deploy.compose import VARIABLE, read_compose, read_services
from tests.support.paths import ROOT

PAGE = (ROOT / "docs" / "operations.md").read_text()
SERVICES = read_services({"POSTGRES_PASSWORD": "secret"})
COMMANDS = re.findall(r"docker compose (?:run|exec|up|stop|logs)[^\n|`]*", PAGE)


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_described(name: str) -> None:
    assert re.search(rf"^\| `{name}` \|", PAGE, re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_name_services(command: str) -> None:
    _, _, verb, *words = command.split()
    named = [word for word in words if not word.startswith("-")]
    if verb in {"run", "exec"}:
        named = named[:1]
        assert named
    assert set(named) <= set(SERVICES), command


def test_every_setting_of_the_compose_file_that_moves_something_is_described() -> None:
    variables = {match["name"] for match in VARIABLE.finditer(str(read_compose()))} - {"IMAGE_TAG"}
    assert {name for name in variables if name not in PAGE} == set()


def test_the_smoke_tests_of_containers_send_the_first_key_or_open_the_metrics() -> None:
    for request in ("localhost:8000/metrics", "-X POST localhost:8000/query"):
        assert f'curl -s {request} -H "X-API-Key: $KEY"' in PAGE
    assert "KEY=$(docker compose exec -T serving cat /secrets/api-key)" in PAGE
    serving = read_services({"ML_GUARD_OPEN_METRICS": "true"})["serving"]
    assert "`ML_GUARD_OPEN_METRICS=true`" in PAGE
    assert serving.environment["ML_GUARD_OPEN_METRICS"] == "true"
