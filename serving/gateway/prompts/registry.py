"""All prompts of a folder, by name and version; and the lock file that keeps a version's content as it was.

What one prompt is, is `template`.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml
from pydantic import ValidationError

from guard_core.validation import reason_of
from serving.gateway.prompts.template import Prompt, PromptError, PromptFile, prompt_of

LOCK = "prompts.lock"


def default_folder() -> Path:
    """The prompts that come with ML Guard."""
    return Path(__file__).parents[3] / "prompts"


class PromptBook:
    """Prompts that have been checked."""

    def __init__(self, prompts: Mapping[tuple[str, int], Prompt]) -> None:
        self._prompts = dict(sorted(prompts.items()))

    @classmethod
    def load(cls, folder: Path) -> "PromptBook":
        """Read and check all files of a folder.

        Raises
        ------
        PromptError
            One line that names the file, the field and the fix.
        """
        found: dict[tuple[str, int], Prompt] = {}
        for path in sorted(folder.glob("*.yaml")):
            prompt = _read(path)
            if (prompt.name, prompt.version) in found:
                raise PromptError(f"{path.name}: there is {prompt.id} in another file already: raise the version")
            found[prompt.name, prompt.version] = prompt
        return cls(found)

    def get(self, name: str, version: int | None = None) -> Prompt:
        """A prompt; without a version its newest.

        Raises
        ------
        PromptError
            Where there is none.
        """
        versions = [known for known_name, known in self._prompts if known_name == name]
        wanted = version if version is not None else max(versions, default=0)
        prompt = self._prompts.get((name, wanted))
        if prompt is None:
            there_are = ", ".join(prompt.id for prompt in self) or "none"
            raise PromptError(
                f"there is no prompt {name if version is None else f'{name}@{version}'}; there are: {there_are}"
            )
        return prompt

    def __iter__(self) -> Iterator[Prompt]:
        return iter(self._prompts.values())

    def locked(self) -> str:
        """The lock file's text: one line a version."""
        return "".join(f"{prompt.name} {prompt.version} {prompt.hash}\n" for prompt in self)

    def changes(self, lock: str) -> list[str]:
        """What differs from a lock file, one line each; none where everything is as it was."""
        before = {(name, int(version)): digest for name, version, digest in map(str.split, lock.splitlines())}
        told = []
        for (name, version), prompt in self._prompts.items():
            if (name, version) not in before:
                told.append(f"{prompt.id} is new: run `ml-guard prompts lock`")
            elif before[name, version] != prompt.hash:
                told.append(f"{prompt.id} has changed: raise its version and run `ml-guard prompts lock`")
        gone = [
            f"{name}@{version} is gone: run `ml-guard prompts lock`"
            for name, version in before.keys() - self._prompts.keys()
        ]
        return told + sorted(gone)


def _read(path: Path) -> Prompt:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        return prompt_of(PromptFile.model_validate(content))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = "" if mark is None else f" in line {mark.line + 1}"
        raise PromptError(f"{path.name}: is not YAML{where}") from error
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "the file"
        raise PromptError(f"{path.name}: {field}: {reason_of(first)}") from error
    except PromptError as error:
        raise PromptError(f"{path.name}: {error}") from error
