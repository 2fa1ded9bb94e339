"""Names that come twice in an object of JSON: JSON permits them, and its readers silently keep the last value.

`count_names` excludes them at the speed of a scan; where it cannot, `json` with `make_object` locates them.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

REASON = "comes twice in one object: send each name once"
_QUOTE, _COLON, _SPACE = b'": '


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
    characters = np.frombuffer(text, np.uint8)
    before = characters[:-1]
    return int(np.count_nonzero((characters[1:] == _COLON) & ((before == _QUOTE) | (before <= _SPACE))))


def count_distinct(value: object) -> int:
    """Count the names of all objects in a decoded value."""
    if isinstance(value, Mapping):
        return len(value) + sum(map(count_distinct, value.values()))
    return sum(map(count_distinct, value)) if isinstance(value, list) else 0


def find_repeated(value: object, path: str = "") -> str | None:
    """Return the path of the first name that comes twice, as in `instances[2].features.age`; None if there is none."""
    if isinstance(value, RepeatingObject):
        return path + value.repeated
    if isinstance(value, Mapping):
        items = ((f"{path}{name}", item) for name, item in value.items())
    elif isinstance(value, list):
        items = ((f"{path.removesuffix('.')}[{index}]", item) for index, item in enumerate(value))
    else:
        return None
    found = (find_repeated(item, f"{name}.") for name, item in items)
    return next((repeated for repeated in found if repeated is not None), None)
