"""`ml-guard` itself: help that imports little, an example for each command, usage errors, shell completion."""

import os
import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

from guard_cli.main import main, ml_guard
from tests.support.paths import ROOT


def _commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from _commands(command, (*path, name))


_ALL = dict(_commands(ml_guard))
_LISTING = {
    ("report",),
    ("status",),
    ("doctor",),
    ("keys", "list"),
    ("projects", "list"),
    ("models", "list"),
    ("alerts", "list"),
    ("prompts", "check"),
    ("audit", "verify"),
    ("knowledge", "evaluate"),
    ("research", "evaluate"),
}


@pytest.mark.parametrize("arguments", [[], *([*path] for path in _ALL)], ids=" ".join)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    program = (
        "import sys; from guard_cli.main import main; code = main([*sys.argv[1:], '--help']);"
        " heavy = {'boto3', 'dagster', 'fastapi', 'guard_pipelines', 'guard_store', 'httpx', 'mlflow', 'pandas', 'pyarrow',"
        " 'serving', 'sqlalchemy', 'uvicorn'} & set(sys.modules);"
        " print('imported:', sorted(heavy)); sys.exit(code)"
    )
    command = [sys.executable, "-c", program, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"Usage: {' '.join(['ml-guard', *arguments])} [OPTIONS]")
    assert done.stdout.endswith("imported: []\n")


def test_the_table_of_commands_imports_no_settings_and_no_command() -> None:
    program = (
        "import sys; from guard_cli.main import main; main(['--help']);"
        " print(sorted(name for name in sys.modules if name.startswith(('guard_', 'numpy', 'pydantic.'))))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "['guard_cli', 'guard_cli.main', 'guard_cli.terminal']"


def test_every_list_can_be_json() -> None:
    assert {path for path in _ALL if path[-1] == "list"} <= _LISTING


@pytest.mark.parametrize("path", [path for path, command in _ALL.items() if not isinstance(command, click.Group)])
def test_the_help_of_each_command_shows_an_example_of_it(
    path: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*path, "--help"]) == 0
    shown = capsys.readouterr().out
    assert f"  Example:\n    ml-guard {' '.join(path)}" in shown
    assert ("--json" in shown) == (path in _LISTING)


def test_the_table_of_commands_has_the_first_sentence_of_each_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    for (name, *deeper), command in _ALL.items():
        if not deeper:
            summary = (command.help or "").split("\n\n")[0]
            assert f"  {name} " in shown
            (line,) = [line for line in shown.splitlines() if line.startswith(f"  {name} ")]
            assert summary.startswith(line.split(maxsplit=1)[1].removesuffix("."))


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    name, number = capsys.readouterr().out.split()
    assert name == "ml-guard"
    assert number[0].isdigit()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Usage: ml-guard"),
        (["keys"], "Usage: ml-guard keys"),
        (["keys", "dance"], "No such command 'dance'"),
        (["keys", "create"], "Missing argument 'NAME'"),
        (["keys", "create", "k", "--role", "king"], "'king' is not one of"),
        (["models", "promote", "flights", "late", "1"], "Missing option '--reason'"),
        (["up", "--colour"], "No such option"),
    ],
)
def test_wrong_arguments_are_exit_code_2(capsys: pytest.CaptureFixture[str], arguments: list[str], words: str) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert words in captured.err


def test_an_interrupt_is_exit_code_130_without_a_word(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("guard_cli.settings.load_settings", interrupt)
    assert main(["settings"]) == 130
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("ml-guard ", list(ml_guard.list_commands(click.Context(ml_guard)))),
        ("ml-guard ke", ["keys"]),
        ("ml-guard keys ", ["bootstrap", "create", "list", "revoke"]),
        ("ml-guard keys create --role ", ["admin", "analyst", "guest"]),
        ("ml-guard --ver", ["--version"]),
    ],
)
def test_the_shell_completes_commands_and_choices(words: str, expected: list[str]) -> None:
    env = os.environ | {
        "_ML_GUARD_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split(" ")) - 1),
    }
    command = [sys.executable, "-m", "guard_cli.main"]
    done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.stderr == ""
    completed = [line.partition(",")[2] for line in done.stdout.splitlines()]
    assert sorted(completed) == sorted(expected)
