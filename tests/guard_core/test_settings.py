"""Settings: defaults without any, one line that names what is wrong, documents that say all of them."""

from datetime import date
from pathlib import Path

import pytest

from guard_core.settings import LlmSettings, Settings, SettingsError, load_settings, variables_of
from guard_core.settings.docs import env_example, markdown_page
from tests.support.settings import settings_of


def test_without_settings_everything_is_in_one_folder_on_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load_settings()
    assert settings.server.host == "127.0.0.1"
    assert settings.storage.database == f"sqlite:///{tmp_path}/.guard/guard.db"
    assert settings.storage.lake == f"{tmp_path}/.guard/lake"


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ML_GUARD_PORT", "8123")
    monkeypatch.setenv("ML_GUARD_LAKE_URL", "s3://bucket/lake")
    monkeypatch.setenv("ML_GUARD_INGEST_FIRST_DAY", "2020-02-29")
    settings = load_settings()
    assert (settings.server.port, settings.storage.lake, settings.ingest.first_day) == (
        8123,
        "s3://bucket/lake",
        date(2020, 2, 29),
    )


def test_a_variable_names_a_group_and_a_field_and_only_the_first_groups_go_without() -> None:
    for variable in variables_of(Settings):
        group = "" if variable.group in ("storage", "server") else f"{variable.group}_"
        assert variable.name == f"ML_GUARD_{group}{variable.field}".upper()
    assert len({variable.name for variable in variables_of(Settings)}) == len(list(variables_of(Settings)))


@pytest.mark.parametrize(
    ("also_read", "ours"),
    [
        ("LOG_RETENTION_DAYS", "ML_GUARD_RETENTION_LOG_DAYS"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "ML_GUARD_OTLP_ENDPOINT"),
    ],
)
def test_two_well_known_variables_are_read_where_ours_is_unset(
    monkeypatch: pytest.MonkeyPatch, also_read: str, ours: str
) -> None:
    (variable,) = (variable for variable in variables_of(Settings) if variable.name == ours)
    values = {"LOG_RETENTION_DAYS": ("30", "7"), "OTEL_EXPORTER_OTLP_ENDPOINT": ("http://a", "http://b")}[also_read]
    monkeypatch.setenv(also_read, values[0])
    assert str(variable.value_in(load_settings())) == values[0]
    monkeypatch.setenv(ours, values[1])
    assert str(variable.value_in(load_settings())) == values[1]
    monkeypatch.setenv(ours, "-1")
    with pytest.raises(SettingsError, match=also_read):
        load_settings()


def test_the_environment_is_before_the_file_and_a_group_alone_reads_neither(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / ".env"
    file.write_text("ML_GUARD_LLM_TIMEOUT_S=7\nML_GUARD_LLM_RETRIES=9\nPOSTGRES_PASSWORD=hunter2\n")
    monkeypatch.setenv("ML_GUARD_LLM_TIMEOUT_S", "5")
    settings = Settings(_env_file=file)
    assert (settings.llm.timeout_s, settings.llm.retries) == (5, 9)
    assert LlmSettings() == LlmSettings(timeout_s=60, retries=2)


@pytest.mark.parametrize("variable", ["ML_GUARD_LLM_TIMEOUT", "ML_GARD_LLM_TIMEOUT_S", "MLGUARD_LLM_TIMEOUT_S"])
def test_a_misspelt_variable_is_refused_and_the_setting_that_it_means_is_named(
    monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "5")
    with pytest.raises(SettingsError, match=f"did you mean ML_GUARD_LLM_TIMEOUT_S by {variable}"):
        load_settings()


def test_variables_of_other_programs_are_no_typos(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("MLFLOW_TRACKING_URI", "MLFLOW_URL", "LLM_TIMEOUT_S", "ML_PORT"):
        monkeypatch.setenv(variable, "x")
    load_settings()


@pytest.mark.parametrize(
    ("variable", "value", "reason"),
    [
        (
            "ML_GUARD_LLM_PRICES",
            "{'m': 1}",
            'from character 2 on (Expecting property name enclosed in double quotes); an example: {"my-model": {"input": 0.5',
        ),
        ("ML_GUARD_LLM_FALLBACKS", "[{]", "from character 3 on"),
    ],
)
def test_a_setting_that_is_not_json_has_the_position_and_an_example(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, reason: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsError, match=f"^{variable}: is not JSON") as error:
        load_settings()
    assert reason in str(error.value)


def test_an_unknown_variable_in_the_file_is_refused_too(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("ML_GUARD_LLM_TIMEOUT=hunter2\n")
    with pytest.raises(SettingsError, match=r"^ML_GUARD_LLM_TIMEOUT is not a setting") as error:
        Settings(_env_file=file)
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ML_GUARD_LLM_PRICES_AS", "hunter2"),
        ("ML_GUARD_SEARCH_PROVIDER", "hunter2"),
        ("ML_GUARD_LLM", '{"api_key": "hunter2"}'),
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
    settings = settings_of(database_url="postgresql://user:hunter2@host/db")
    assert "hunter2" not in repr(settings)
    assert "hunter2" in settings.storage.database


def test_every_setting_is_documented_with_its_default() -> None:
    table, example = markdown_page(), env_example()
    for variable in variables_of(Settings):
        assert f"| `{variable.name}` |" in table
        assert f"# {variable.name}=" in example


def test_the_example_file_is_read_as_the_defaults(tmp_path: Path) -> None:
    set_there = [line for line in env_example().splitlines() if line.startswith("# ML_GUARD_") and line[-1] != "="]
    file = tmp_path / ".env"
    file.write_text("\n".join(line.removeprefix("# ") for line in set_there))
    assert Settings(_env_file=file) == settings_of()
    assert len(set_there) > 15
