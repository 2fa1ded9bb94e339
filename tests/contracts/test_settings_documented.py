"""Every setting is in `docs/settings.md` and `.env.example`, and the first ones in README, as the settings themselves say it."""

from guard_core.settings.docs import env_example, first_settings, markdown_page
from tests.support.paths import ROOT


def test_the_page_has_every_setting() -> None:
    assert (ROOT / "docs" / "settings.md").read_text() == markdown_page(), "`ml-guard settings` prints the page"


def test_readme_has_the_settings_that_people_need_first() -> None:
    table = (ROOT / "README.md").read_text().split("<!-- settings -->")[1].split("<!-- /settings -->")[0]
    assert table.strip() == first_settings().strip()


def test_env_example_has_every_setting() -> None:
    assert (ROOT / ".env.example").read_text() == env_example(), "`ml-guard settings --env` prints the file"
