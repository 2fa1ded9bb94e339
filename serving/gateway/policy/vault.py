"""What was taken out of a request, so that its answer can be made whole again. It lives as long as the request."""

import re

from serving.gateway.policy.quoting import escaped

_placeholder = re.compile(r"\[[a-z_]{1,40}_\d{1,6}\]")


class Vault:
    """Placeholders and what they stand for; nothing shows the latter but `restore`."""

    __slots__ = ("_by_text", "_counts", "_made", "_reversible")

    def __init__(self) -> None:
        self._by_text: dict[tuple[str, str], str] = {}
        self._counts: dict[str, int] = {}
        self._made: set[str] = set()
        self._reversible: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"Vault({len(self._by_text)} texts)"

    def placeholder(self, rule: str, text: str, *, reversible: bool) -> str:
        """What stands for a text from now on; the same for the same text."""
        known = self._by_text.get((rule, text))
        if known is not None:
            return known
        name = rule.rpartition(".")[2].upper()
        self._counts[name] = self._counts.get(name, 0) + 1
        made = f"[{name}_{self._counts[name]}]"
        self._by_text[rule, text] = made
        self._made.add(made.lower())
        if reversible:
            self._reversible[made] = text
        return made

    def restore(self, text: str, *, json: bool = False) -> str:
        """The text with what its reversible placeholders stand for."""
        if self._reversible and "[" in text:
            for placeholder, original in self._reversible.items():
                text = text.replace(placeholder, escaped(original) if json else original)
        return text

    def conceal(self, text: str) -> str:
        """The text with placeholders for all that was taken out: the opposite of `restore`."""
        for (_, original), placeholder in sorted(self._by_text.items(), key=lambda item: -len(item[0][1])):
            text = text.replace(original, placeholder)
        return text

    def without(self, text: str) -> str:
        """The text without its placeholders: for whatever compares words."""
        for placeholder in self._by_text.values():
            text = text.replace(placeholder, "")
        return text

    def placeholders_in(self, shadow: str) -> list[tuple[int, int]]:
        """Where placeholders of this request stand in a shadow: what they are called is nobody's secret."""
        if not self._made or "[" not in shadow:
            return []
        return [match.span() for match in _placeholder.finditer(shadow) if match[0] in self._made]

    @property
    def is_reversible(self) -> bool:
        """Whether anything can be restored."""
        return bool(self._reversible)
