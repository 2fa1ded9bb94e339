"""Units that instants and money are counted in.

Instants are int64 microseconds since the epoch (UTC); money inside the system is billionths of a US dollar.
"""

from typing import Final

SECOND_US: Final = 1_000_000
HOUR_US: Final = 3_600 * SECOND_US
DAY_US: Final = 24 * HOUR_US
"""A day of 24 hours; the length of a local day is `guard_core.days`' to say."""

NANO: Final = 1_000_000_000
"""Billionths in one: of a US dollar, in all amounts that are stored."""
