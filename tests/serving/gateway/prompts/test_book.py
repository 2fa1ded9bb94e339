"""Prompts: wrong ones are named before anything starts, values are data, and a version's content does not change unseen."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from guard_cli.main import main
from serving.gateway.prompts.book import LOCK, PromptBook, default_folder
from serving.gateway.prompts.template import PromptError

GOOD = """
name: greet
version: 1
description: Greets someone.
variables:
  who: {type: string, description: Whom.}
messages:
  - {role: user, content: "Hello {{ who }}!"}
tests:
  - {values: {who: World}, contains: ["Hello World!"]}
"""


@pytest.fixture
def book(tmp_path: Path) -> Callable[..., PromptBook]:
    def load(*files: str) -> PromptBook:
        for n, text in enumerate(files):
            (tmp_path / f"p{n}.yaml").write_text(text)
        return PromptBook.load(tmp_path)

    return load


def test_what_is_shipped_is_right_and_locked() -> None:
    book = PromptBook.load(default_folder())
    assert {prompt.name for prompt in book} >= {"query", "research"}
    assert book.changes((default_folder() / LOCK).read_text()) == []


def test_a_prompt_renders_its_values(book: Callable[..., PromptBook]) -> None:
    assert book(GOOD).get("greet").render(who="Ada") == [{"role": "user", "content": "Hello Ada!"}]


@pytest.mark.parametrize("hostile", ["{{ 7 * 7 }}", "{% for x in range(9) %}a{% endfor %}", "{{ ''.__class__ }}"])
def test_a_value_is_never_read_as_a_template(book: Callable[..., PromptBook], hostile: str) -> None:
    assert book(GOOD).get("greet").render(who=hostile)[0]["content"] == f"Hello {hostile}!"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "greet@1: who is missing"),
        ({"who": "x", "when": 1}, "greet@1: when is not a variable; there are who"),
        ({"who": 3}, "greet@1: who must be of type string"),
    ],
)
def test_wrong_values_are_named(book: Callable[..., PromptBook], values: dict[str, object], words: str) -> None:
    with pytest.raises(PromptError, match=words):
        book(GOOD).get("greet").render(**values)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("version: 1", "version: one", "p0.yaml: version: "),
        ("name: greet", "name: Greet me", "p0.yaml: name: "),
        ("description: Greets someone.\n", "", "p0.yaml: description: is missing"),
        ("Hello {{ who }}!", "Hello {{ whom }}!", r"p0.yaml: variables.who is declared and not used"),
        ("Hello {{ who }}!", "Hello {{ who }} {{ when }}!", r"p0.yaml: variables.when is used and not declared"),
        ("Hello {{ who }}!", "Hello {{ who !", r"p0.yaml: messages.0.content: "),
        ("{who: World}", "{}", r"p0.yaml: tests.0: greet@1: who is missing"),
        ('["Hello World!"]', '["Bye"]', r"p0.yaml: tests.0: the rendered text does not contain 'Bye'"),
        ("version: 1", "version: 1\ncolour: blue", "p0.yaml: colour: "),
        ("name: greet", "name: [", "p0.yaml: is not YAML in line"),
        ("{{ who }}!", "{{ who.__class__.__mro__ }}!", "p0.yaml: tests.0"),
    ],
)
def test_a_wrong_file_is_named_with_field_and_fix(
    book: Callable[..., PromptBook], old: str, new: str, words: str
) -> None:
    assert old in GOOD
    with pytest.raises(PromptError, match=words):
        book(GOOD.replace(old, new, 1))


def test_two_files_of_one_version_are_refused(book: Callable[..., PromptBook]) -> None:
    with pytest.raises(PromptError, match=r"p1.yaml: there is greet@1 in another file already"):
        book(GOOD, GOOD)


def test_the_newest_version_is_meant_where_none_is_named(book: Callable[..., PromptBook]) -> None:
    found = book(GOOD, GOOD.replace("version: 1", "version: 12"), GOOD.replace("version: 1", "version: 9"))
    assert found.get("greet").version == 12
    assert found.get("greet", 9).id == "greet@9"
    with pytest.raises(PromptError, match=r"no prompt greet@7; there are: greet@1, greet@9, greet@12"):
        found.get("greet", 7)


def test_a_changed_body_under_an_unchanged_version_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "greet.yaml"
    path.write_text(GOOD)
    assert main(["prompts", "check", "--folder", str(tmp_path)]) == 1
    assert "greet@1 is new" in capsys.readouterr().err
    assert main(["prompts", "lock", "--folder", str(tmp_path)]) == 0
    assert main(["prompts", "check", "--folder", str(tmp_path)]) == 0
    path.write_text(GOOD.replace("Greets someone.", "Greets anyone."))
    assert main(["prompts", "check", "--folder", str(tmp_path)]) == 0, "a description reaches no model"
    path.write_text(GOOD.replace('"Hello {{ who }}!"', '"Hello {{ who }}!!"'))
    capsys.readouterr()
    assert main(["prompts", "check", "--folder", str(tmp_path)]) == 1
    assert "raise its version" in capsys.readouterr().err
    path.unlink()
    assert main(["prompts", "check", "--folder", str(tmp_path)]) == 1


async def test_the_prompts_are_listed_with_their_hashes(analyst: httpx.AsyncClient) -> None:
    listed = (await analyst.get("/api/v1/prompts")).json()["items"]
    book = PromptBook.load(default_folder())
    assert {(one["name"], one["version"], one["hash"]) for one in listed} == {(p.name, p.version, p.hash) for p in book}
    assert listed[0]["variables"]["question"]["type"] == "string"
