"""Settings: defaults without any, one line that names what is wrong, documents that say all of them."""

from datetime import date
from pathlib import Path

import pytest

from guard_core.settings import ENV_PREFIX, Settings, SettingsError, load_settings
from guard_core.settings.docs import env_example, markdown_table


def test_without_settings_everything_is_in_one_folder_on_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load_settings()
    assert settings.host == "127.0.0.1"
    assert settings.database == f"sqlite:///{tmp_path}/.guard/guard.db"
    assert settings.lake == f"{tmp_path}/.guard/lake"


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ML_GUARD_PORT", "8123")
    monkeypatch.setenv("ML_GUARD_LAKE_URL", "s3://bucket/lake")
    monkeypatch.setenv("ML_GUARD_FIRST_DAY", "2020-02-29")
    settings = load_settings()
    assert (settings.port, settings.lake, settings.first_day) == (8123, "s3://bucket/lake", date(2020, 2, 29))


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ML_GUARD_PORT", "70000"),
        ("ML_GUARD_WORKERS", "0"),
        ("ML_GUARD_LOG_LEVEL", "LOUD"),
        ("ML_GUARD_DATABASE_URL", "mysql://user:hunter2@host/db"),
        ("ML_GUARD_NO_SUCH_SETTING", "1"),
        ("ML_GUARD_LLM_FALLBACKS", "(hunter2)"),
        ("ML_GUARD_LLM_FALLBACKS", '[{"base_url": "ftp://hunter2"}]'),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it_and_no_secret(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError) as error:
        load_settings()
    assert variable in str(error.value)
    assert "\n" not in str(error.value)
    assert "hunter2" not in str(error.value)


def test_the_databases_password_is_not_shown_with_the_settings() -> None:
    settings = Settings(database_url="postgresql://user:hunter2@host/db")
    assert "hunter2" not in repr(settings)
    assert "hunter2" in settings.database


def test_every_setting_is_documented_with_its_default() -> None:
    table, example = markdown_table(), env_example()
    for name in Settings.model_fields:
        variable = f"{ENV_PREFIX}{name.upper()}"
        assert f"| `{variable}` |" in table
        assert f"# {variable}=" in example


def test_the_example_file_is_read_as_the_defaults(tmp_path: Path) -> None:
    set_there = [line for line in env_example().splitlines() if line.startswith("# ML_GUARD_") and line[-1] != "="]
    file = tmp_path / ".env"
    file.write_text("\n".join(line.removeprefix("# ") for line in set_there))
    assert Settings(_env_file=file) == Settings()
    assert len(set_there) > 15
