"""Units of time and money.

Instants are int64 microseconds since the epoch (UTC); amounts of money are stored in billionths of a US dollar.
"""

from typing import Final

SECOND_US: Final = 1_000_000
HOUR_US: Final = 3_600 * SECOND_US
DAY_US: Final = 24 * HOUR_US
"""A day of 24 hours; for local days, which may be longer or shorter, use `guard_core.days`."""

NANO: Final = 1_000_000_000
"""Billionths per unit: stored amounts are in billionths of a US dollar."""
