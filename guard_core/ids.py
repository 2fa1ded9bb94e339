"""Ids: what an id may look like, and making them thousands of times a second, for requests and for events without one.

Unique is enough, no id is a secret: asking the system for randomness would release the GIL each time.
"""

import os
import random
import re
import time
from typing import Final

ID_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"
"""Ids of projects and models, as a pattern of pydantic and OpenAPI; `is_id` is the check."""

_random = random.Random()  # noqa: S311 - ours alone: whoever seeds the module's must not make ids again
os.register_at_fork(after_in_child=_random.seed)
NAME_SEPARATOR: Final = "~"
"""Between project and model in the registry's name of a model; no id contains it."""

_ID: Final = re.compile(ID_PATTERN.rstrip("$"))
_RANDOM_BITS = 61  # of 62, so that counting upwards from a random start never overflows


def is_id(text: str) -> bool:
    r"""Whether a text may be the id of a project or a model.

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
    """Return `n` new ids, ascending in time (UUIDv7), so that the unique index grows at its end.

    >>> a, b = new_event_ids(2)
    >>> len(a), a[14], a < b
    (36, '7', True)
    """
    now_ns = time.time_ns()
    ms, rest_ns = divmod(now_ns, 1_000_000)
    fraction = rest_ns * 4096 // 1_000_000
    head = f"{ms >> 16:08x}-{ms & 0xFFFF:04x}-{0x7000 | fraction:04x}-"
    tail = (0b10 << 62) | _random.getrandbits(_RANDOM_BITS)
    return [f"{head}{value >> 48:04x}-{value & 0xFFFF_FFFF_FFFF:012x}" for value in range(tail, tail + n)]
