"""What runs in CI is one thing, wherever it runs: the commands of README.md."""

import re

from tests.support.paths import ROOT


def test_github_runs_the_same_commands_as_the_script_and_the_readme_names_them() -> None:
    of_script = re.findall(r"^make .*$", (ROOT / ".ci/run").read_text(), re.MULTILINE)
    of_github = re.findall(r"- run: (.*)$", (ROOT / ".github/workflows/ci.yml").read_text(), re.MULTILINE)
    assert of_script == of_github
    readme = (ROOT / "README.md").read_text()
    assert all(command in readme for command in of_script)
