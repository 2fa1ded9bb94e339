"""Personal data and secrets, found by their format and, where the format has one, their checksum.

Patterns match the normal form of a text (`normal_text`): lower case, one width. Every match is at most `normal_text.MAX_LENGTH` characters
long and depends on at most `normal_text.CONTEXT` characters before it and three after it, so a stream keeps no more than that.
Card and telephone numbers have files of their own.
"""

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, Literal, TypeAlias, get_args

from serving.gateway.policy.cards import find_cards
from serving.gateway.policy.normal_text import context_before
from serving.gateway.policy.phones import find_phones

Kind: TypeAlias = Literal["api_key", "credit_card", "iban", "ssn", "email", "ip", "phone"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
"""All kinds, in order of precedence for overlapping matches."""

WITHOUT_DIGITS: Final = frozenset[Kind]({"api_key", "email", "ip"})
"""Kinds that a text without a digit can contain."""

GROUPED: Final = frozenset[Kind]({"credit_card", "ssn"})
"""Kinds whose digits have a fixed grouping, which tells them from other numbers whatever stands between the groups."""

Span: TypeAlias = tuple[int, int]

_API_KEY = re.compile(
    r"""(?<![a-z0-9])(?:
        sk-[a-z0-9_-]{20,200} | (?:akia|asia)[0-9a-z]{16}(?![a-z0-9]) | gh[pousr]_[a-z0-9]{36,200}
      | github_pat_[a-z0-9_]{22,200} | glpat-[a-z0-9_-]{20,100} | xox[abeprs]-[a-z0-9-]{10,200} | aiza[0-9a-z_-]{35}
      | dckr_pat_[a-z0-9_-]{20,60} | shp(?:at|ca|pa|ss)_[a-f0-9]{32}(?![a-z0-9]) | do[opr]_v1_[a-f0-9]{64} | tvly-[a-z0-9-]{24,60}
      | pplx-[a-z0-9]{40,60} | ya29\.[a-z0-9_-]{20,400} | whsec_[a-z0-9+/=]{24,80} | lin_api_[a-z0-9]{32,60}
      | hooks\.slack\.com/services/t[a-z0-9]{8,12}/b[a-z0-9]{8,12}/[a-z0-9]{24}
      | [sr]k_(?:live|test)_[a-z0-9]{16,200} | gsk_[a-z0-9]{40,100} | xai-[a-z0-9]{60,100} | npm_[a-z0-9]{36}(?![a-z0-9])
      | pypi-[a-z0-9_-]{40,300} | sg\.[a-z0-9_-]{22}\.[a-z0-9_-]{43} | nvapi-[a-z0-9_-]{40,100} | r8_[a-z0-9]{37}(?![a-z0-9])
      | hf_[a-z0-9]{30,100} | mlg_[a-z0-9_-]{40,100} | eyj[a-z0-9_-]{8,200}\.eyj[a-z0-9_-]{8,200}\.[a-z0-9_-]{8,100}
    ) | -----begin\ [a-z ]{0,24}private\ key-----""",
    re.VERBOSE,
)
# A text without any of these has no key: for most texts this check is nearly all the cost. By a character that they share.
_KEY_PREFIXES: Final[Mapping[str, tuple[str, ...]]] = {
    "": ("akia", "asia", "aiza", "eyj", "sg.", "ya29.", "hooks.slack.com/"),
    "-": ("sk-", "glpat-", "xox", "xai-", "pypi-", "nvapi-", "tvly-", "pplx-", "private key-"),
    "_": (
        "ghp_",
        "gho_",
        "ghu_",
        "ghs_",
        "ghr_",
        "github_pat_",
        "hf_",
        "mlg_",
        "k_live_",
        "k_test_",
        "gsk_",
        "npm_",
        "r8_",
        "dckr_pat_",
        "shpat_",
        "shpca_",
        "shppa_",
        "shpss_",
        "dop_v1_",
        "doo_v1_",
        "dor_v1_",
        "whsec_",
        "lin_api_",
    ),
}
_nine_digits = re.compile(r"[0-9](?<![0-9].)(?:[ ().-]{0,2}[0-9]){8}").search
_dotted = re.compile(r"[0-9]\.[0-9]{1,3}\.[0-9]").search
# The lookbehinds come after the first character, so that the search can jump from digit to digit.
_IBAN = re.compile(r"[a-z][a-z][0-9]{2}(?:(?<![a-z0-9]....)|(?<=iban....))(?=(?:[ -]?[a-z0-9]){11})")
_IBAN_RUN = re.compile(r"[a-z0-9](?:[ -]?[a-z0-9]){14,33}")
_group_end = re.compile(r"[a-z0-9](?![a-z0-9])")
_SSN = re.compile(
    r"(?P<area>[0-9](?<![a-z0-9_-].)[0-9]{2})(?P<gap>[-. ])(?<![0-9](?P=gap)...(?P=gap))"
    r"(?P<group>[0-9]{2})(?P=gap)(?P<serial>[0-9]{4})(?![a-z0-9_-]|(?P=gap)[0-9])"
)
_LABELLED_SSN = re.compile(
    r"(?P<area>[0-9](?<![a-z0-9_.-].)[0-9]{2})(?P<group>[0-9]{2})(?P<serial>[0-9]{4})(?![a-z0-9_-]|[.][0-9])"
)
_follows_ssn = re.compile(
    r"(?<![a-z])(?:ssn|social[ _-]?security)(?:[ _-]?(?:number|num|no))?(?:[^a-z0-9]{1,4}| is:? )\Z"
).search
# Ends of file names (`logo@2x.png`) and of systemd's units (`getty@tty1.service`) that are no top-level domains.
_NO_DOMAINS: Final = "png|jpe?g|gif|webp|svg|tgz|gz|js|css|html?|json|service|socket|timer|target|mount|slice"
# After a backslash, the letter of a line feed or tab belongs to the escape.
_EMAIL = re.compile(
    r"(?:(?<![a-z0-9._%+\\-])|(?<=\\)(?![bfnrt][a-z0-9@])|(?<=\\[bfnrt]))(?!git@\S{1,255}:)[a-z0-9][a-z0-9._%+'-]{0,63}@(?:[a-z0-9-]{1,63}\.){1,4}"
    rf"(?!(?:{_NO_DOMAINS})(?![a-z0-9.-]))[a-z]{{2,24}}(?![a-z0-9-])"
)
# Versions can have four parts, too: v1.2.3.4, version="1.2.3.4", >=1.2.3.4, a.jar:1.2.3.4, registry/image:1.2.3.4; so do
# sections: § 1.2.3.4, and packages: cudnn-cu12-9.1.0.70.
_IPV4 = re.compile(r"[0-9](?<![a-z0-9_.].)(?<![=~<>!]=.)[0-9]{0,2}(?:\.[0-9]{1,3}){3}(?![0-9.])")
# Words before a hyphen and an address; after any other, four parts are the version of a package.
_HOSTS: Final = (
    "ip|ipv4|addr|address|host|hostname|node|server|srv|client|user|peer|from|src|dst|remote|local|gateway|gw|vpn|proxy"
    "|dns|ns|mail|mx|db|web|port|to"
)
_follows_version = re.compile(
    r"(?:(?:version|section|clause|chapter|figure|table|item|oid|wbs|release|build|firmware)[^a-z0-9]{1,4}|\u00a7 ?"
    rf"|\.[jw]ar:|[a-z0-9]/[a-z0-9._-]{{1,28}}:|(?<![a-z0-9])(?!(?:{_HOSTS})[0-9]{{0,4}}-\Z)[a-z][a-z0-9_]{{0,24}}-)\Z"
).search
_NETWORK = ".0.0.0"  # the end of versions, and of networks, which are nobody's
_MASKS = ("0.", "255.")  # the beginning of masks, and of no host's address
_prefix = re.compile(r"/[0-9]{1,2}").match
_IPV6 = re.compile(r"(?<![\w:.])[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?![\w:.])")
_eight_groups = re.compile(r":(?:[0-9a-f]{1,4}:){6}").search  # an IPv6 address without "::"
_MIN_IBAN, _MAX_IBAN = 15, 34


def _find_api_keys(normal: str, start: int) -> Iterable[Span]:
    for character, prefixes in _KEY_PREFIXES.items():
        for prefix in prefixes if character in normal else ():
            if prefix in normal:
                return _spans(_API_KEY, normal, start)
    return ()


def _find_ibans(normal: str, start: int) -> Iterator[Span]:
    for match in _IBAN.finditer(normal, start):
        end = _iban_end(normal, match.start())
        if end is not None:
            yield match.start(), end


def _iban_end(normal: str, start: int) -> int | None:
    """Return the end of the IBAN that starts at a place, which single spaces or hyphens may separate; None if there is none."""
    from stdnum import iban

    run = _IBAN_RUN.match(normal, start)
    for match in _group_end.finditer(normal, start, run.end()) if run else ():
        text = re.sub("[ -]", "", normal[start : match.end()])
        if _MIN_IBAN <= len(text) <= _MAX_IBAN and iban.is_valid(text, check_country=False):
            return match.end()
    return None


def _find_ssns(normal: str, start: int) -> Iterator[Span]:
    if not _nine_digits(normal, start):
        return
    labelled = _LABELLED_SSN.finditer(normal, start)
    following = (match for match in labelled if _follows_ssn(context_before(normal, match.start())))
    for match in (*_SSN.finditer(normal, start), *following):
        area, group, serial = match["area"], match["group"], match["serial"]
        if area not in ("000", "666") and area < "900" and group != "00" and serial != "0000":
            yield match.span()


def _find_emails(normal: str, start: int) -> Iterable[Span]:
    return _spans(_EMAIL, normal, start) if "@" in normal else ()


def _find_ip_addresses(normal: str, start: int) -> Iterator[Span]:
    for match in _IPV4.finditer(normal, start) if _dotted(normal, start) else ():
        is_no_host = match[0].endswith(_NETWORK) or match[0].startswith(_MASKS)
        is_no_host = is_no_host or _follows_version(context_before(normal, match.start())) is not None
        if not is_no_host and all(int(part) < 256 for part in match[0].split(".")) and not _is_network(normal, match):
            yield match.span()
    if "::" in normal or _eight_groups(normal, start):
        for match in _IPV6.finditer(normal, start):
            if (
                sum(character != ":" for character in match[0]) > 2
                and _is_ipv6(match[0])
                and not _is_bytes(match[0])
                and not _is_network(normal, match)
            ):
                yield match.span()


def _is_network(normal: str, match: re.Match[str]) -> bool:
    """Return whether an address with the length of a prefix (`192.0.2.0/24`) is that of a network, not of a host."""
    prefix = _prefix(normal, match.end())
    if prefix is None:
        return False
    try:
        network = ipaddress.ip_network(match[0] + prefix[0])
    except ValueError:  # the address has bits beyond the prefix
        return False
    return network.num_addresses > 1


def _is_bytes(text: str) -> bool:
    """Return whether eight groups are bytes, as of serial numbers, fingerprints and identifiers of devices."""
    return all(len(group) == 2 for group in text.split(":"))


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def _spans(pattern: re.Pattern[str], normal: str, start: int) -> Iterator[Span]:
    return (match.span() for match in pattern.finditer(normal, start))


Finder: TypeAlias = Callable[[str, int], Iterable[Span]]

FINDERS: Final[Mapping[Kind, Finder]] = {
    "api_key": _find_api_keys,
    "credit_card": find_cards,
    "iban": _find_ibans,
    "ssn": _find_ssns,
    "email": _find_emails,
    "ip": _find_ip_addresses,
    "phone": find_phones,
}
"""By kind, what finds the spans that start at or after a place of a normal text."""
