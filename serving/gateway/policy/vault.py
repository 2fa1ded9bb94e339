"""The redacted values of a request, kept until the request ends so that its answer can be restored."""

import re

from serving.gateway.policy.quoting import escape

_placeholder = re.compile(r"\[[a-z_]{1,40}_\d{1,6}\]")


class Vault:
    """Placeholders and their values; only `restore` reveals values."""

    __slots__ = ("_by_text", "_counts", "_placeholders", "_reversible")

    def __init__(self) -> None:
        self._by_text: dict[tuple[str, str], str] = {}
        self._counts: dict[str, int] = {}
        self._placeholders: set[str] = set()
        self._reversible: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"Vault({len(self._by_text)} texts)"

    def placeholder(self, rule: str, text: str, *, reversible: bool) -> str:
        """Return the placeholder of a text, the same for the same rule and text."""
        existing = self._by_text.get((rule, text))
        if existing is not None:
            return existing
        name = rule.rpartition(".")[2].upper()
        self._counts[name] = self._counts.get(name, 0) + 1
        placeholder = f"[{name}_{self._counts[name]}]"
        self._by_text[rule, text] = placeholder
        self._placeholders.add(placeholder.lower())
        if reversible:
            self._reversible[placeholder] = text
        return placeholder

    def restore(self, text: str, *, json: bool = False) -> str:
        """Replace reversible placeholders with their values."""
        if self._reversible and "[" in text:
            for placeholder, original in self._reversible.items():
                text = text.replace(placeholder, escape(original) if json else original)
        return text

    def conceal(self, text: str) -> str:
        """Replace all redacted values with their placeholders: the opposite of `restore`."""
        for (_, original), placeholder in sorted(self._by_text.items(), key=lambda item: -len(item[0][1])):
            text = text.replace(original, placeholder)
        return text

    def remove_placeholders(self, text: str) -> str:
        """Remove the placeholders from a text, for code that compares words."""
        for placeholder in self._by_text.values():
            text = text.replace(placeholder, "")
        return text

    def placeholders_in(self, normal: str) -> list[tuple[int, int]]:
        """Return the spans of this request's placeholders in a normal text: their names are not denied terms."""
        if not self._placeholders or "[" not in normal:
            return []
        return [match.span() for match in _placeholder.finditer(normal) if match[0] in self._placeholders]

    @property
    def is_reversible(self) -> bool:
        """Whether any value can be restored."""
        return bool(self._reversible)
