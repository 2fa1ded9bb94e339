"""What runs in CI is one thing, wherever it runs: the commands of README.md."""

import re

from tests.support.paths import ROOT


def test_github_runs_the_same_commands_as_the_script_and_the_readme_names_them() -> None:
    of_script = re.findall(r"^make .*$", (ROOT / ".ci/run").read_text(), re.MULTILINE)
    of_github = re.findall(r"- run: (.*)$", (ROOT / ".github/workflows/ci.yml").read_text(), re.MULTILINE)
    assert of_script == of_github
    readme = (ROOT / "README.md").read_text()
    assert all(command in readme for command in of_script)


def test_github_validates_the_containers_with_the_command_of_the_operations_page() -> None:
    commands = re.findall(r"- run: (.*)$", (ROOT / ".github/workflows/containers.yml").read_text(), re.MULTILINE)
    assert commands[0] == "docker compose build serving"
    assert commands[1].startswith("docker compose -f docker-compose.yml -f docker-compose.ci.yml run ")
    assert commands[1] in (ROOT / "docs/operations.md").read_text()
