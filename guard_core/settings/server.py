"""The HTTP server: its address, logs and traces, and limits of requests."""

from ipaddress import ip_network
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, field_validator

from guard_core.days import known_zone
from guard_core.settings.group import Group, NotNegative, Port, Positive, Url


def _network(value: str) -> str:
    ip_network(value, strict=False)
    return value


Network = Annotated[str, AfterValidator(_network)]


class ServerSettings(Group):
    """Group `server` of the settings."""

    title = "Server"
    prefix = ""
    also_read: ClassVar = {"otlp_endpoint": "OTEL_EXPORTER_OTLP_ENDPOINT"}

    host: str = Field("127.0.0.1", description="Address that the server binds to.")
    port: Port = Field(8000, description="Port of the server.")
    workers: Positive = Field(1, description="Server processes. With SQLite, more than one is not faster.")
    public_url: Url | None = Field(
        None, description="Public address of this server, for links. Unset: its host and port."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least severe level logged.")
    otlp_endpoint: Url | None = Field(
        None,
        description="OTLP/HTTP receiver of traces, such as `http://127.0.0.1:4318`; also read from"
        " `OTEL_EXPORTER_OTLP_ENDPOINT`. Needs the extra `tracing`. Unset: no traces.",
    )
    open_metrics: bool | None = Field(
        None,
        description="Whether `/metrics` needs no key. Unset: only if the server listens on a loopback address.",
    )
    metrics_cache_s: NotNegative = Field(
        30,
        description="Seconds for which `/metrics` repeats the gauges of stored results, which it reads from the database.",
    )
    metrics_models: Positive = Field(
        200,
        description="Models, and projects, with gauges of stored results at `/metrics`; those with the newest events first.",
    )
    trusted_proxies: tuple[Network, ...] = Field(
        (),
        description="Addresses or networks whose `X-Forwarded-For` and `X-Forwarded-Proto` are trusted:"
        ' JSON `["10.0.0.0/8"]`.',
    )
    max_body_bytes: Positive = Field(32 * 2**20, description="Maximum bytes of a request body, after decompression.")
    body_timeout_s: Positive = Field(60, description="Maximum seconds for a request body to arrive.")
    request_timeout_s: Positive = Field(300, description="Maximum seconds for a JSON route to answer.")
    key_cache_s: NotNegative = Field(
        5,
        description="Seconds for which API keys, projects and rules are cached; a revoked key may work that long.",
    )
    outage_s: NotNegative = Field(
        3600,
        description="Seconds for which keys and projects that were confirmed shortly before stay valid while the database cannot be"
        " read, so that `/predict` goes on; a key that is revoked elsewhere meanwhile may work that long. 0: none.",
    )
    timezone: str = Field("UTC", description="IANA time zone of the days of usage without a project.")

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        known_zone(value)
        return value

    @property
    def public_address(self) -> str:
        """Public address of the server, without a trailing slash."""
        return (self.public_url or reachable_url(self.host, self.port)).rstrip("/")


def reachable_url(host: str, port: int) -> str:
    """Return the URL at which this machine reaches a server that is bound to an address.

    >>> reachable_url("0.0.0.0", 8000)
    'http://127.0.0.1:8000'
    """
    address = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"
