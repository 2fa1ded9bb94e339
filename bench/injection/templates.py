"""Texts drawn from templates: `{a|b}` is one of several, `@name` a template of a list. The templates are in `phrases.txt`."""

import re
from pathlib import Path

import numpy as np

_PHRASES = Path(__file__).with_name("phrases.txt")
_innermost = re.compile(r"\{([^{}]*)\}")
_list_name = re.compile(r"@([a-z]+)\b")


def read_templates(path: Path = _PHRASES) -> dict[str, list[str]]:
    """Read the templates of each section."""
    sections: dict[str, list[str]] = {}
    name = ""
    for line in path.read_text("utf-8").splitlines():
        if line.startswith("[") and line.endswith("]") and re.fullmatch(r"\[@?[a-z]+\]", line):
            name = line.strip("[]@")
            sections[name] = []
        elif line and not line.startswith("# "):
            sections[name].append(line)
    return sections


def draw_texts(sections: dict[str, list[str]], section: str, each: int, rng: np.random.Generator) -> list[str]:
    """Draw a number of texts from each template of a section, without repetitions, in a fixed order."""
    texts = (_expand(template, sections, rng) for template in sections[section] for _ in range(each))
    return list(dict.fromkeys(texts))


def _expand(template: str, sections: dict[str, list[str]], rng: np.random.Generator) -> str:
    text = template
    while "{" in text or _list_name.search(text):
        text = _innermost.sub(lambda match: _choose(match[1].split("|"), rng), text)
        if "{" not in text:
            text = _list_name.sub(lambda match: _listed(match, sections, rng), text)
    return " ".join(text.replace("\\n", "\n").split(" ")).strip()


def _listed(match: re.Match[str], sections: dict[str, list[str]], rng: np.random.Generator) -> str:
    options = sections.get(match[1])
    return _choose(options, rng) if options else match[1]


def _choose(options: list[str], rng: np.random.Generator) -> str:
    return options[int(rng.integers(len(options)))]
