"""Values that are split over neighbouring text parts or messages of a request: the borders are checked joined."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Final

import msgspec

from serving.gateway.calls.policy_session import PolicySession
from serving.gateway.policy.normal_text import is_json

_WINDOW: Final = 96  # characters on either side of a border: more than a value in any writing but the longest keys
_JOINTS: Final = ("", "\n")  # a value split inside of a group, and one split between groups
_SHORT: Final = 4  # characters: a shorter text is hardly a sentence
_MARGIN: Final = 40  # characters at a border that decide whether a value can cross it
_INVISIBLE: Final = "\u00ad\u200b-\u200f\u2060-\u2064\ufeff"
_ends_open = re.compile(rf"(?:[\w@.%+\\;{_INVISIBLE}-]|[0-9][^a-zA-Z]{{1,8}})\Z").search
_starts_open = re.compile(rf"[a-z0-9@._%+\\&{_INVISIBLE}-]|[^a-zA-Z]{{1,8}}[0-9]").match
_ends_in_word = re.compile(r"(?:\w|\b[A-Z][._\u00b7/|-])\Z").search  # or in a letter of an abbreviation
_is_word = re.compile(r"\w").match


class _Text(msgspec.Struct):
    """A text of a request, in its place."""

    container: dict[str, Any]
    key: str
    value: str

    def replace(self, start: int, end: int, placeholder: str) -> None:
        """Replace a span."""
        self.value = self.container[self.key] = self.value[:start] + placeholder + self.value[end:]


class _Fragment(msgspec.Struct, frozen=True):
    """A part of a text at a border."""

    text: _Text
    start: int
    value: str


def check_borders(messages: Any, session: PolicySession) -> None:
    """Check the borders of neighbouring texts in place; a match is replaced in each text that has a part of it.

    Raises
    ------
    Forbidden
        If the policy blocks one.
    """
    texts = list(_texts_of(messages))
    if not any(_is_open(left.value, right.value) for left, right in pairwise(texts)):  # the case of most requests
        return
    for joint in _JOINTS:
        for chain in list(_chains(texts)):
            _check_chain(chain, joint, session)


def _texts_of(messages: Any) -> Iterator[_Text]:
    for message in messages if isinstance(messages, list) else ():
        content = message.get("content") if isinstance(message, dict) else None
        if isinstance(content, str):
            yield _Text(message, "content", content)
        for part in content if isinstance(content, list) else ():
            if isinstance(part, dict) and isinstance(part.get("text"), str):
                yield _Text(part, "text", part["text"])


def _chains(texts: Sequence[_Text]) -> Iterator[list[_Fragment]]:
    """Yield the fragments that can share a value; only the ends of a long text are part of one, JSON of none."""
    chain: list[_Fragment] = []
    for text in texts:
        value = text.value
        if is_json(value):
            yield chain
            chain = []
            continue
        if chain and not _is_open(chain[-1].value, value):
            yield chain
            chain = []
        if len(value) <= 2 * _WINDOW:
            chain.append(_Fragment(text, 0, value))
        else:
            yield [*chain, _Fragment(text, 0, value[:_WINDOW])]
            chain = [_Fragment(text, len(value) - _WINDOW, value[-_WINDOW:])]
    yield chain


def _is_open(left: str, right: str) -> bool:
    """Return whether a value can cross a border: most texts end with a mark of punctuation, and the next begins a sentence."""
    left, right = left[-_MARGIN:].rstrip(), right[:_MARGIN].lstrip()
    if len(left) < _SHORT or len(right) < _SHORT:
        return True
    if _is_word(right) and _ends_in_word(left, len(left) - 2):
        return True
    return _starts_open(right) is not None and _ends_open(left, max(0, len(left) - 9)) is not None


def _check_chain(chain: Sequence[_Fragment], joint: str, session: PolicySession) -> None:
    if len(chain) < 2:
        return
    starts, joined = [], ""
    for fragment in chain:
        starts.append(len(joined))
        joined += fragment.value + joint
    bounds = [(start, start + len(fragment.value)) for start, fragment in zip(starts, chain, strict=True)]
    for start, end, placeholder in reversed(session.find_across(joined, bounds)):
        for (first, last), fragment in reversed(list(zip(bounds, chain, strict=True))):
            cut_start, cut_end = max(start, first) - first, min(end, last) - first
            if cut_start < cut_end:
                fragment.text.replace(fragment.start + cut_start, fragment.start + cut_end, placeholder)
