"""Which URLs may be fetched: parsed by a grammar stricter than any client's, so that both always agree on the host.

This module checks only the text; `addresses` checks what a host resolves to.
"""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urljoin

from serving.assistant.tools.errors import DeniedError

_MAX_LENGTH = 2_048
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(.*)", re.DOTALL)
_PARTS = re.compile(r"//([^/?#]*)([^?#]*)(\?[^#]*)?(#.*)?")
_PLAIN = re.compile(r"[!-~]*")
_FORBIDDEN = frozenset('\\"<>^`{|}')
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})+")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that may be fetched; `host` is a name in lower case or an address, without brackets."""

    scheme: str
    host: str
    port: int
    path: str
    query: str

    @property
    def is_address(self) -> bool:
        """Whether the host is an address, which needs no resolution."""
        return ":" in self.host or self.host.replace(".", "").isdecimal()

    @property
    def origin(self) -> str:
        """Return scheme, host and port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if self.port == _PORTS[self.scheme] else f":{self.port}")

    @property
    def url(self) -> str:
        """Return the URL without a fragment."""
        return f"{self.origin}{self.path}" + (f"?{self.query}" if self.query else "")


@dataclass(frozen=True, slots=True)
class UrlRules:
    """The rules for URLs.

    Attributes
    ----------
    hosts : names, `*.` and a name for all of its subdomains, addresses (IPv6 in brackets), `*` for all; none if empty.
    """

    hosts: Sequence[str]
    schemes: Sequence[str]
    ports: Sequence[int]

    def check(self, url: str) -> Target:
        """Check a URL and return its target.

        Raises
        ------
        DeniedError
            If it breaks a rule, which the error names.
        """
        scheme, rest = _split_scheme(url)
        if scheme not in self.schemes or scheme not in _PORTS:
            raise DeniedError("url.scheme", f"Only {' and '.join(self.schemes)} URLs are fetched.")
        parts = _PARTS.fullmatch(rest)
        if parts is None:
            raise DeniedError("url.form", "A URL has // and a host after its scheme.")
        authority, path, query = parts[1], parts[2] or "/", (parts[3] or "")[1:]
        if "@" in authority:
            raise DeniedError("url.userinfo", "A URL must not carry a name or password before its host.")
        host, port = _host_and_port(authority.lower(), scheme)
        if port not in self.ports:
            raise DeniedError("url.port", f"Only the ports {', '.join(map(str, self.ports))} are allowed.")
        if not self.allows(host):
            raise DeniedError("url.host", f"The host {host} is not one of ML_GUARD_FETCH_HOSTS.")
        return Target(scheme, host, port, path, query)

    def check_redirect(self, before: Target, location: str) -> Target:
        """Check a redirect as any other URL and return its target.

        Raises
        ------
        DeniedError
            If it breaks a rule, which the error names.
        """
        _require_plain(location)
        target = self.check(urljoin(before.url, location))
        if before.scheme == "https" and target.scheme != "https":
            raise DeniedError("url.downgrade", "A redirect from https to http is not followed.")
        return target

    def allows(self, host: str) -> bool:
        """Return whether a host is allowed."""
        return any(_fits(host, pattern) for pattern in self.hosts)


def _fits(host: str, pattern: str) -> bool:
    if pattern.startswith("*."):
        return host.endswith(pattern[1:])
    return pattern == "*" or pattern.strip("[]") == host


def _split_scheme(url: str) -> tuple[str, str]:
    if len(url) > _MAX_LENGTH:
        raise DeniedError("url.length", f"A URL has at most {_MAX_LENGTH} characters.")
    _require_plain(url)
    match = _SCHEME.fullmatch(url)
    if match is None:
        raise DeniedError("url.form", "A URL begins with its scheme, such as https.")
    return match[1].lower(), match[2]


def _require_plain(text: str) -> None:
    if not _PLAIN.fullmatch(text) or _FORBIDDEN & set(text) or _BAD_ESCAPE.search(text):
        raise DeniedError(
            "url.characters",
            "A URL is printable ASCII without spaces and backslashes: percent-encode its path, write its host as xn--….",
        )


def _host_and_port(authority: str, scheme: str) -> tuple[str, int]:
    bracketed = re.fullmatch(r"\[([0-9a-f:.]+)\](?::([0-9]{1,5}))?", authority)
    named = re.fullmatch(r"([^:\[\]]+)(?::([0-9]{1,5}))?", authority)
    match = bracketed or named
    if match is None:
        raise DeniedError("url.host_form", "The host is not a name, an IPv4 address, or an IPv6 address in brackets.")
    port = int(match[2]) if match[2] else _PORTS[scheme]
    return (_ipv6(match[1]) if bracketed else _name_or_ipv4(match[1])), port


def _ipv6(text: str) -> str:
    try:
        return str(ipaddress.IPv6Address(text))
    except ValueError:
        raise DeniedError("url.host_form", "The host in brackets is not an IPv6 address.") from None


def _name_or_ipv4(text: str) -> str:
    if _NUMBER.fullmatch(
        text.rstrip(".").rpartition(".")[2]
    ):  # clients read such a name as an address, in many notations
        try:
            return str(ipaddress.IPv4Address(text))
        except ValueError:
            raise DeniedError("url.host_form", "An IPv4 address is written as four decimal numbers.") from None
    if not _NAME.fullmatch(text) or len(text) > 253:
        raise DeniedError("url.host_form", "The host is not a full name, such as www.example.org.")
    return text
