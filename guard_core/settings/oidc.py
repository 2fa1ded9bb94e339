"""OpenID Connect, beside API keys: bearer tokens of callers, and the sign-in of people to the pages."""

from typing import Annotated, Literal, get_args

from pydantic import Field, SecretStr, StringConstraints, ValidationInfo, field_validator

from guard_core.settings.group import Group, Url

Role = Literal["admin", "analyst", "guest"]
ROLES: tuple[Role, ...] = get_args(Role)
Scope = Annotated[str, StringConstraints(pattern=r"^[!#-\[\]-~]+$")]
_MAX_SESSION_S = 12 * 3600


class OidcSettings(Group):
    """Group `oidc` of the settings."""

    title = "OpenID Connect"
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
    client_id: str | None = Field(
        None,
        description="Client id of ML Guard at the issuer: people can then sign in to the pages there."
        " Unset: they sign in with an API key.",
    )
    client_secret: SecretStr | None = Field(
        None, description="Secret of that client. Unset: a public client, which PKCE alone protects."
    )
    scopes: tuple[Scope, ...] = Field(
        ("openid", "email"),
        description="Scopes that the sign-in asks for: JSON list. Without `email`, the ledger has only the subject of a person.",
    )
    session_s: int = Field(
        3600,
        gt=0,
        le=_MAX_SESSION_S,
        description="Seconds until a person has to sign in at the issuer again: changes to roles take effect then.",
    )

    @field_validator("audience")
    @classmethod
    def _audience_with_issuer(cls, value: str | None, info: ValidationInfo) -> str | None:
        if info.data.get("issuer") is not None and not value:
            raise ValueError("must be set if ML_GUARD_OIDC_ISSUER is: tokens for other audiences must not be accepted")
        return value

    @field_validator("client_id")
    @classmethod
    def _client_of_issuer(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value and "issuer" in info.data and info.data["issuer"] is None:
            raise ValueError("needs ML_GUARD_OIDC_ISSUER: the issuer that this client is registered at")
        return value or None

    @field_validator("client_secret")
    @classmethod
    def _secret_of_client(cls, value: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if value and "client_id" in info.data and info.data["client_id"] is None:
            raise ValueError("needs ML_GUARD_OIDC_CLIENT_ID: the client that this secret belongs to")
        return value or None

    @field_validator("scopes")
    @classmethod
    def _scopes_with_openid(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if "openid" not in value:
            raise ValueError("must contain openid: without it the issuer returns no ID token")
        return value
