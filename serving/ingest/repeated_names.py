"""Names that come twice in an object of JSON: JSON permits them, and its readers silently keep the last value.

`count_names` excludes them at the speed of a scan; where it cannot, `json` with `make_object` locates them.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

REASON = "comes twice in one object: send each name once"
_QUOTE, _COLON, _SPACE = b'": '
_BEFORE_VALUES = (b'":', b" :", b"\t:", b"\n:", b"\r:")
_SHORT_BYTES = 1_000  # numpy takes longer to begin than five searches in so short a text


class RepeatingObject(dict[str, Any]):
    """An object of JSON in which the name `repeated` comes more than once; it holds the last value of each name."""

    repeated: str


def make_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Make the dictionary of an object, as `object_pairs_hook` of `json`."""
    plain = dict(pairs)
    if len(plain) == len(pairs):
        return plain
    repeating = RepeatingObject(plain)
    names = [name for name, _ in pairs]
    repeating.repeated = next(name for name in plain if names.count(name) > 1)
    return repeating


def count_names(text: bytes) -> int:
    r"""Count the names of all objects of a JSON text; higher only if a string has a colon after a quote or white space.

    >>> count_names(b'{"a": 1, "a" : {"b":2}}'), count_names(b'"10 : 00"')
    (3, 1)
    """
    if len(text) < _SHORT_BYTES:
        return sum(map(text.count, _BEFORE_VALUES))
    characters = np.frombuffer(text, np.uint8)
    before = characters[:-1]
    return int(np.count_nonzero((characters[1:] == _COLON) & ((before == _QUOTE) | (before <= _SPACE))))


def count_distinct(value: object) -> int:
    """Count the names of all objects in a decoded value."""
    count, waiting = 0, [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, Mapping):
            count += len(item)
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
    return count


def find_repeated(value: object) -> str | None:
    """Return the path of the first name that comes twice, as in `instances[2].features.age`; None if there is none."""
    waiting = [("", value)]
    while waiting:
        path, item = waiting.pop()
        if isinstance(item, RepeatingObject):
            return path + item.repeated
        if isinstance(item, Mapping):
            waiting.extend([(f"{path}{name}.", part) for name, part in item.items()][::-1])
        elif isinstance(item, list):
            waiting.extend([(f"{path.removesuffix('.')}[{index}].", part) for index, part in enumerate(item)][::-1])
    return None
