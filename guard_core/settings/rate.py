"""Rate limits by key, by address, and of wrong keys."""

from pydantic import Field

from guard_core.settings.group import Group, NotNegative, NotNegativeFloat, Positive


class RateSettings(Group):
    """Group `rate` of the settings."""

    title = "Rate limits"
    prefix = "RATE_"

    per_key: NotNegativeFloat = Field(
        0.0, description="Maximum requests per second of a key or token, of all server processes together. 0: no limit."
    )
    per_address: NotNegativeFloat = Field(
        10.0, description="Maximum requests per second of an address without a key, except probes. 0: no limit."
    )
    burst_s: Positive = Field(20, description="Maximum burst, in seconds of these rates.")
    wrong_keys_per_minute: NotNegative = Field(
        60, description="Wrong keys per minute of an address before its requests are answered with 429. 0: no limit."
    )
