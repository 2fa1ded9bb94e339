"""Base class of all groups of settings, and the types of their values."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Positive = Annotated[int, Field(gt=0)]
NotNegative = Annotated[int, Field(ge=0)]
NotNegativeFloat = Annotated[float, Field(ge=0)]
Port = Annotated[int, Field(ge=1, le=65535)]
Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s/]+")]


class Group(BaseModel):
    """Settings of one concern; constructing a group does not read the environment.

    Attributes
    ----------
    title
        Heading of the group in the documentation.
    prefix
        Prefix of its variables, after `ML_GUARD_`.
    also_read
        Well-known variables by field, read if the `ML_GUARD_` variable is unset.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: ClassVar[str]
    prefix: ClassVar[str]
    also_read: ClassVar[Mapping[str, str]] = {}
