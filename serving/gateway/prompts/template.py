"""One prompt: parsing its file, running its tests, rendering it.

Values are data: a template is compiled once, and values inserted into it are never interpreted as a template.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypedDict

import msgspec
from jinja2 import StrictUndefined, Template, TemplateError, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt, StrictStr, TypeAdapter
from pydantic import ValidationError as PydanticError

_KINDS: dict[str, TypeAdapter[Any]] = {
    "string": TypeAdapter(StrictStr),
    "integer": TypeAdapter(StrictInt),
    "number": TypeAdapter(StrictInt | StrictFloat),
    "boolean": TypeAdapter(StrictBool),
    "list": TypeAdapter(list[Any]),
}
_environment = ImmutableSandboxedEnvironment(
    undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=False, autoescape=False
)


class PromptError(ValueError):
    """A prompt's file or its values are invalid: one line that names the field and the fix."""


class Message(TypedDict):
    """One message for a model."""

    role: str
    content: str


class Variable(BaseModel):
    """A variable of a template."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["string", "integer", "number", "boolean", "list"]
    description: str = Field(min_length=1)


class Part(BaseModel):
    """One message of a template."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    role: Literal["system", "user", "assistant"]
    content: str = Field(min_length=1)


class Example(BaseModel):
    """A test: values that must render, and texts that the result must contain."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    values: dict[str, Any]
    contains: list[str] = []


class PromptFile(BaseModel):
    """A file of `prompts/`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[a-z][a-z0-9_-]{0,63}$")
    version: Annotated[int, Field(ge=1)]
    description: str = Field(min_length=1)
    model_hints: dict[str, str | int | float | bool] = {}
    variables: dict[str, Variable]
    messages: list[Part] = Field(min_length=1)
    tests: list[Example] = Field(min_length=1)


@dataclass(frozen=True)
class Prompt:
    """A validated prompt.

    Attributes
    ----------
    hash : SHA-256 of everything that reaches a model: hints, variables and messages, but not description and tests.
    """

    name: str
    version: int
    description: str
    hash: str
    model_hints: Mapping[str, str | int | float | bool]
    variables: Mapping[str, Variable]
    _parts: Sequence[tuple[str, Template]]

    @property
    def id(self) -> str:
        """Return `name@version`, as recorded in the ledger."""
        return f"{self.name}@{self.version}"

    def render(self, **values: object) -> list[Message]:
        """Render the messages with values.

        Raises
        ------
        PromptError
            If a value is missing, not declared, or not of its declared type.
        """
        self._check(values)
        try:
            return [{"role": role, "content": template.render(values)} for role, template in self._parts]
        except TemplateError as error:
            raise PromptError(f"{self.id}: {error}") from error

    def _check(self, values: Mapping[str, object]) -> None:
        missing, unknown = self.variables.keys() - values.keys(), values.keys() - self.variables.keys()
        if missing:
            raise PromptError(f"{self.id}: {min(missing)} is missing")
        if unknown:
            raise PromptError(f"{self.id}: {min(unknown)} is not a variable; there are {', '.join(self.variables)}")
        for name, variable in self.variables.items():
            try:
                _KINDS[variable.type].validate_python(values[name])
            except PydanticError:
                raise PromptError(f"{self.id}: {name} must be of type {variable.type}") from None


def prompt_of(file: PromptFile) -> Prompt:
    """Compile a file and run its tests.

    Raises
    ------
    PromptError
        If a template does not compile, its variables differ from the declared ones, or a test fails.
    """
    used: set[str] = set()
    parts = []
    for place, part in enumerate(file.messages):
        try:
            used |= meta.find_undeclared_variables(_environment.parse(part.content))
            parts.append((part.role, _environment.from_string(part.content)))
        except TemplateError as error:
            raise PromptError(f"messages.{place}.content: {error}") from error
    for name in sorted(used ^ file.variables.keys()):
        fix = "is used and not declared" if name in used else "is declared and not used"
        raise PromptError(f"variables.{name} {fix}")
    hashed = file.model_dump(include={"name", "version", "model_hints", "variables", "messages"})
    digest = hashlib.sha256(msgspec.json.encode(hashed, order="deterministic")).hexdigest()
    prompt = Prompt(file.name, file.version, file.description, digest, file.model_hints, file.variables, parts)
    for place, example in enumerate(file.tests):
        _run_test(prompt, place, example)
    return prompt


def _run_test(prompt: Prompt, place: int, example: Example) -> None:
    try:
        text = "\n".join(message["content"] for message in prompt.render(**example.values))
    except PromptError as error:
        raise PromptError(f"tests.{place}: {error}") from error
    for expected in example.contains:
        if expected not in text:
            raise PromptError(f"tests.{place}: the rendered text does not contain {expected!r}")
