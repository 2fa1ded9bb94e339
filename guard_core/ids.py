"""Ids that are made thousands of times a second: of requests, and of events that came without one.

Unique is enough: nobody trusts an id. To ask the system for randomness would give the GIL away each time.
"""

import os
import random
import time

_random = random.Random()  # noqa: S311 - ours alone: whoever seeds the module's must not make ids again
os.register_at_fork(after_in_child=_random.seed)
_RANDOM_BITS = 61  # of 62, so that counting upwards from a random start never overflows


def new_id() -> str:
    """A new id of 32 hexadecimal characters."""
    return f"{_random.getrandbits(128):032x}"


def new_event_ids(n: int) -> list[str]:
    """`n` new ids, ascending in time (UUIDv7), so that the unique index grows at its end.

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
