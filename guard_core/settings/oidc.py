"""Tokens of OpenID Connect, accepted beside API keys."""

from typing import Literal, get_args

from pydantic import Field, ValidationInfo, field_validator

from guard_core.settings.group import Group, Url

Role = Literal["admin", "analyst", "guest"]
ROLES: tuple[Role, ...] = get_args(Role)


class OidcSettings(Group):
    """Group `oidc` of the settings."""

    title = "Bearer tokens"
    prefix = "OIDC_"

    issuer: Url | None = Field(
        None,
        description="Issuer of bearer tokens (OpenID Connect), such as `https://login.example.com/realms/guard`."
        " Unset: API keys only.",
    )
    audience: str | None = Field(None, validate_default=True, description="Audience that a bearer token must have.")
    jwks_url: Url | None = Field(
        None, description="URL of its signing keys. Unset: taken from the discovery document of the issuer."
    )
    role_claim: str = Field(
        "roles", description="Claim with the caller's role or roles; `a.b` is the claim `b` inside `a`."
    )
    roles: dict[str, Role] = Field(
        {}, description="Role of each value of that claim: JSON `{value: role}`. A caller without one is a guest."
    )
    project_claim: str | None = Field(
        None,
        description="Claim with the only project that the caller may access; `*` means all. Unset: all projects.",
    )

    @field_validator("audience")
    @classmethod
    def _audience_with_issuer(cls, value: str | None, info: ValidationInfo) -> str | None:
        if info.data.get("issuer") is not None and not value:
            raise ValueError("must be set if ML_GUARD_OIDC_ISSUER is: tokens for other audiences must not be accepted")
        return value
