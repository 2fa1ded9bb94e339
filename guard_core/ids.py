"""Ids: their pattern, and generating them for requests and for events without one, thousands of times a second.

Ids must be unique, not secret: reading randomness from the operating system would release the GIL each time.
"""

import os
import random
import re
import time
from typing import Final

ID_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"
"""Pattern of project and model ids for pydantic and OpenAPI; in code, check with `is_id`."""
ID_RULE: Final = (
    "must begin with a letter or digit and go on with letters, digits, '.', '_' or '-', 128 characters at most"
)
"""The pattern in words; continues a sentence that begins with the field."""

_random = random.Random()  # noqa: S311 - a private one: seeding the global generator must not repeat ids
os.register_at_fork(after_in_child=_random.seed)
NAME_SEPARATOR: Final = "~"
"""Separates project and model in the name of a registered model; no id contains it."""

_ID: Final = re.compile(ID_PATTERN.rstrip("$"))
_MILLISECOND_NS = 1_000_000
_RANDOM_BITS = 61  # of 62, so that counting upwards from a random start never overflows


def is_id(text: str) -> bool:
    r"""Return whether a text is a valid id of a project or a model.

    >>> is_id("shop-eu.v2"), is_id("-shop"), is_id("shop\n")
    (True, False, False)
    """
    return _ID.fullmatch(text) is not None


def registered_name(project_id: str, model_id: str) -> str:
    """Return the name of a model in the registry.

    >>> registered_name("flights", "late-arrival")
    'flights~late-arrival'
    """
    return f"{project_id}{NAME_SEPARATOR}{model_id}"


def new_id() -> str:
    """Return a new id of 32 hexadecimal characters."""
    return f"{_random.getrandbits(128):032x}"


def new_event_ids(n: int) -> list[str]:
    """Return `n` new ids in ascending order (UUIDv7), so that inserts append to the unique index.

    >>> a, b = new_event_ids(2)
    >>> len(a), a[14], a < b
    (36, '7', True)
    """
    now_ns = time.time_ns()
    ms, rest_ns = divmod(now_ns, _MILLISECOND_NS)
    fraction = rest_ns * 4096 // _MILLISECOND_NS
    head = f"{ms >> 16:08x}-{ms & 0xFFFF:04x}-{0x7000 | fraction:04x}-"
    tail = (0b10 << 62) | _random.getrandbits(_RANDOM_BITS)
    return [f"{head}{value >> 48:04x}-{value & 0xFFFF_FFFF_FFFF:012x}" for value in range(tail, tail + n)]
