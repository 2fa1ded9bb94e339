"""Requests of a key, of an address, and of wrong keys."""

from pydantic import Field

from guard_core.settings.group import Group, NotNegative, NotNegativeFloat, Positive


class RateSettings(Group):
    """Group `rate` of the settings."""

    title = "Rate limits"
    prefix = "RATE_"

    per_key: NotNegativeFloat = Field(
        0.0, description="Requests a second of a key or token at most, of all server processes together. 0: no limit."
    )
    per_address: NotNegativeFloat = Field(
        10.0, description="Requests a second of an address without a key at most, probes not counted. 0: no limit."
    )
    burst_s: Positive = Field(20, description="Seconds of these rates that may come at once.")
    wrong_keys_per_minute: NotNegative = Field(
        60, description="Wrong keys of an address a minute, before it is answered 429 unseen. 0: no limit."
    )
