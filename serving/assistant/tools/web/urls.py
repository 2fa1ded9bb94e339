"""Which URLs may be asked for: read by a grammar that is stricter than any client's, so that both always mean the same host.

Where a host's name leads is `addresses`; here is only what the text says.
"""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urljoin

from serving.assistant.tools.errors import DeniedError

_MOST = 2_048
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(.*)", re.DOTALL)
_PARTS = re.compile(r"//([^/?#]*)([^?#]*)(\?[^#]*)?(#.*)?")
_PLAIN = re.compile(r"[!-~]*")
_NEVER = frozenset('\\"<>^`{|}')
_ESCAPES = re.compile(r"%(?![0-9A-Fa-f]{2})")
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})+")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Target:
    """A URL that may be asked for; `host` is a name in lower case or an address, without brackets."""

    scheme: str
    host: str
    port: int
    path: str
    query: str

    @property
    def is_address(self) -> bool:
        """Whether the host is an address that needs no resolving."""
        return ":" in self.host or self.host.replace(".", "").isdecimal()

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if self.port == _PORTS[self.scheme] else f":{self.port}")

    @property
    def url(self) -> str:
        """The whole of it, without a fragment."""
        return f"{self.origin}{self.path}" + (f"?{self.query}" if self.query else "")


@dataclass(frozen=True, slots=True)
class UrlRules:
    """What a URL may be.

    Attributes
    ----------
    hosts : names, `*.` and a name for all below it, addresses (IPv6 in brackets), `*` for all; none: nothing may be asked for.
    """

    hosts: Sequence[str]
    schemes: Sequence[str]
    ports: Sequence[int]

    def check(self, url: str) -> Target:
        """The target of a URL.

        Raises
        ------
        DeniedError
            With the rule that it breaks.
        """
        scheme, rest = _scheme(url)
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
            raise DeniedError("url.port", f"Only the ports {', '.join(map(str, self.ports))} are asked.")
        if not self.allows(host):
            raise DeniedError("url.host", f"The host {host} is not one of ML_GUARD_FETCH_HOSTS.")
        return Target(scheme, host, port, path, query)

    def redirected(self, before: Target, location: str) -> Target:
        """The target of a redirect, checked as any other.

        Raises
        ------
        DeniedError
            With the rule that it breaks.
        """
        _require_plain(location)
        found = self.check(urljoin(before.url, location))
        if before.scheme == "https" and found.scheme != "https":
            raise DeniedError("url.downgrade", "A redirect from https to http is not followed.")
        return found

    def allows(self, host: str) -> bool:
        """Whether a host is one of those that may be asked."""
        return any(_fits(host, pattern) for pattern in self.hosts)


def _fits(host: str, pattern: str) -> bool:
    if pattern.startswith("*."):
        return host.endswith(pattern[1:])
    return pattern == "*" or pattern.strip("[]") == host


def _scheme(url: str) -> tuple[str, str]:
    if len(url) > _MOST:
        raise DeniedError("url.length", f"A URL has at most {_MOST} characters.")
    _require_plain(url)
    found = _SCHEME.fullmatch(url)
    if found is None:
        raise DeniedError("url.form", "A URL begins with its scheme, such as https.")
    return found[1].lower(), found[2]


def _require_plain(text: str) -> None:
    if not _PLAIN.fullmatch(text) or _NEVER & set(text) or _ESCAPES.search(text):
        raise DeniedError(
            "url.characters",
            "A URL is printable ASCII without spaces and backslashes: percent-encode its path, write its host as xn--….",
        )


def _host_and_port(authority: str, scheme: str) -> tuple[str, int]:
    bracketed = re.fullmatch(r"\[([0-9a-f:.]+)\](?::([0-9]{1,5}))?", authority)
    named = re.fullmatch(r"([^:\[\]]+)(?::([0-9]{1,5}))?", authority)
    found = bracketed or named
    if found is None:
        raise DeniedError("url.host_form", "The host is not a name, an IPv4 address, or an IPv6 address in brackets.")
    port = int(found[2]) if found[2] else _PORTS[scheme]
    return (_ipv6(found[1]) if bracketed else _name_or_ipv4(found[1])), port


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
