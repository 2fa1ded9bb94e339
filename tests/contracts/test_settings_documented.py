"""Every setting is in README's table and in `.env.example`, as the settings themselves say it."""

from guard_core.settings.docs import env_example, markdown_table
from tests.support.paths import ROOT


def test_readme_has_the_table_of_settings() -> None:
    table = (ROOT / "README.md").read_text().split("<!-- settings -->")[1].split("<!-- /settings -->")[0]
    assert table.strip() == markdown_table().strip(), "`ml-guard settings` prints the table"


def test_env_example_has_every_setting() -> None:
    assert (ROOT / ".env.example").read_text() == env_example(), "`ml-guard settings --env` prints the file"
