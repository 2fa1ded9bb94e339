"""All prompts of a folder, by name and version, and the lock file that detects changes to a released version.

A single prompt is in `template`.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml
from pydantic import ValidationError

from guard_core.validation import reason_of
from serving.gateway.prompts.template import Prompt, PromptError, PromptFile, prompt_of

LOCK = "prompts.lock"


def default_folder() -> Path:
    """Return the folder of the prompts shipped with ML Guard."""
    return Path(__file__).parents[3] / "prompts"


class PromptBook:
    """Validated prompts, by name and version."""

    def __init__(self, prompts: Mapping[tuple[str, int], Prompt]) -> None:
        self._prompts = dict(sorted(prompts.items()))

    @classmethod
    def load(cls, folder: Path) -> "PromptBook":
        """Load and validate all files of a folder.

        Raises
        ------
        PromptError
            If a file is invalid: one line that names the file, the field and the fix.
        """
        prompts: dict[tuple[str, int], Prompt] = {}
        for path in sorted(folder.glob("*.yaml")):
            prompt = _read(path)
            if (prompt.name, prompt.version) in prompts:
                raise PromptError(f"{path.name}: there is {prompt.id} in another file already: raise the version")
            prompts[prompt.name, prompt.version] = prompt
        return cls(prompts)

    def get(self, name: str, version: int | None = None) -> Prompt:
        """Return a prompt, by default its newest version.

        Raises
        ------
        PromptError
            If there is none.
        """
        versions = [number for prompt_name, number in self._prompts if prompt_name == name]
        number = version if version is not None else max(versions, default=0)
        prompt = self._prompts.get((name, number))
        if prompt is None:
            available = ", ".join(prompt.id for prompt in self) or "none"
            raise PromptError(
                f"there is no prompt {name if version is None else f'{name}@{version}'}; there are: {available}"
            )
        return prompt

    def __iter__(self) -> Iterator[Prompt]:
        return iter(self._prompts.values())

    def lock_text(self) -> str:
        """Return the content of the lock file: one line for each version."""
        return "".join(f"{prompt.name} {prompt.version} {prompt.hash}\n" for prompt in self)

    def changes(self, lock: str) -> list[str]:
        """Return the differences from a lock file, one line each; empty if there are none."""
        locked = {(name, int(version)): digest for name, version, digest in map(str.split, lock.splitlines())}
        changes = []
        for (name, version), prompt in self._prompts.items():
            if (name, version) not in locked:
                changes.append(f"{prompt.id} is new: run `ml-guard prompts lock`")
            elif locked[name, version] != prompt.hash:
                changes.append(f"{prompt.id} has changed: raise its version and run `ml-guard prompts lock`")
        removed = [
            f"{name}@{version} is gone: run `ml-guard prompts lock`"
            for name, version in locked.keys() - self._prompts.keys()
        ]
        return changes + sorted(removed)


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
