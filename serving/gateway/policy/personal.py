"""Personal data and secrets, found by their format and, where the format has one, their checksum.

Patterns match the shadow of a text (`shadow`): lower case, one width. Every match is at most `MAX_LENGTH` characters long and
depends on one character before and after it, so a stream holds back no more than that.
"""

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, Literal, TypeAlias, get_args

Kind: TypeAlias = Literal["api_key", "credit_card", "iban", "ssn", "email", "ip", "phone"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
"""All kinds, in order of precedence for overlapping matches."""

WITHOUT_DIGITS: Final = frozenset[Kind]({"api_key", "email", "ip"})
"""Kinds that a text without a digit can contain."""

MAX_LENGTH: Final = 512
Span: TypeAlias = tuple[int, int]

_API_KEY = re.compile(
    r"""(?<![a-z0-9])(?:
        sk-[a-z0-9_-]{20,200} | (?:akia|asia)[0-9a-z]{16}(?![a-z0-9]) | gh[pousr]_[a-z0-9]{36,200}
      | github_pat_[a-z0-9_]{22,200} | glpat-[a-z0-9_-]{20,100} | xox[abeprs]-[a-z0-9-]{10,200} | aiza[0-9a-z_-]{35}
      | hf_[a-z0-9]{30,100} | mlg_[a-z0-9_-]{40,100} | eyj[a-z0-9_-]{8,200}\.eyj[a-z0-9_-]{8,200}\.[a-z0-9_-]{8,100}
    ) | -----begin\ [a-z ]{0,24}private\ key-----""",
    re.VERBOSE,
)
# A text without any of these has no key: for most texts this check is nearly all the cost.
_KEY_PREFIXES = (
    *("sk-", "akia", "asia", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "xox", "aiza", "hf_"),
    *("mlg_", "eyj", "private key-"),
)
_nine_digits = re.compile(r"[0-9](?:[ ().-]{0,2}[0-9]){8}").search
_dotted = re.compile(r"[0-9]\.[0-9]{1,3}\.[0-9]").search
# The lookbehind comes after the first character, so that the search can jump from digit to digit.
_DIGITS = re.compile(r"[0-9](?<![0-9.].)(?:[ -]?[0-9]){12,}")
_IBAN = re.compile(r"[a-z][a-z][0-9]{2}(?<![a-z0-9]....)(?=(?:[ -]?[a-z0-9]){11})")
_SSN = re.compile(r"([0-9](?<![0-9-].)[0-9]{2})([-. ])([0-9]{2})\2([0-9]{4})(?![0-9-])")
_EMAIL = re.compile(r"(?<![a-z0-9._%+-])[a-z0-9][a-z0-9._%+-]{0,63}@(?:[a-z0-9-]{1,63}\.){1,4}[a-z]{2,24}(?![a-z0-9-])")
_IPV4 = re.compile(r"[0-9](?<![0-9.].)[0-9]{0,2}(?:\.[0-9]{1,3}){3}(?![0-9.])")
_IPV6 = re.compile(r"(?<![\w:.])[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?![\w:.])")
_PHONE = re.compile(
    r"(?<![\w+])\+[0-9](?:[ ().-]{0,2}[0-9]){7,14}(?![0-9])"
    r"|(?<![\w(.-])(?:\+?1[ .-])?(?:\([0-9]{3}\) ?|[0-9]{3}[-. ])[0-9]{3}[-. ][0-9]{4}(?![\w-])"
)
_MIN_CARD, _MAX_CARD = 13, 19
# Length of an IBAN by country (the SWIFT registry).
_IBAN_LENGTHS: Mapping[str, int] = {
    country: length
    for length, countries in {
        15: "no",
        16: "be",
        18: "dk fo fi gl nl sd",
        19: "mk si",
        20: "at ba ee kz lt lu xk",
        21: "ch cr hr li lv",
        22: "bg bh de gb ge ie me rs va",
        23: "ae gi il iq om tl",
        24: "ad cz es md pk ro sa se sk tn vg",
        25: "ly pt st",
        26: "is tr",
        27: "bi dj fr gr it mc mr sm",
        28: "al az by cy do gt hu lb pl sv",
        29: "br eg ps qa ua",
        30: "jo kw mu",
        31: "mt sc",
        32: "lc",
        33: "ru",
    }.items()
    for country in countries.split()
}


def find(kind: Kind, shadow: str) -> Iterable[Span]:
    """Find the spans of a kind of personal data in a shadow, from left to right."""
    return _FINDERS[kind](shadow)


def _find_api_keys(shadow: str) -> Iterable[Span]:
    for prefix in _KEY_PREFIXES:
        if prefix in shadow:
            return _spans(_API_KEY, shadow)
    return ()


def _find_cards(shadow: str) -> Iterator[Span]:
    for match in _DIGITS.finditer(shadow) if _nine_digits(shadow) else ():
        # Other numbers can precede and follow, separated by a space: a card starts and ends at a group boundary.
        places = [place for place in range(*match.span()) if shadow[place].isdigit()]
        sums = _luhn_sums([int(shadow[place]) for place in places])
        first = 0
        while first <= len(places) - _MIN_CARD:
            n = _card_length(shadow, places, sums, first)
            if n:
                yield places[first], places[first + n - 1] + 1
            first += n or 1


def _card_length(shadow: str, places: list[int], sums: tuple[list[int], list[int]], first: int) -> int:
    """Return the number of digits of the longest card that starts at a digit; 0 if none does."""
    if shadow[places[first]] not in "23456" or (first and places[first] == places[first - 1] + 1):
        return 0
    for n in range(min(len(places) - first, _MAX_CARD), _MIN_CARD - 1, -1):
        last = first + n - 1
        ends_group = last + 1 == len(places) or places[last + 1] > places[last] + 1
        if ends_group and (sums[last % 2][last + 1] - sums[last % 2][first]) % 10 == 0:
            return n
    return 0


def _luhn_sums(digits: list[int]) -> tuple[list[int], list[int]]:
    """Return running Luhn sums (every second digit doubled), for cards whose last digit is at an even index, and at an odd one."""
    even, odd = [0], [0]
    for place, digit in enumerate(digits):
        doubled = sum(divmod(digit * 2, 10))
        even.append(even[-1] + (doubled if place % 2 else digit))
        odd.append(odd[-1] + (digit if place % 2 else doubled))
    return even, odd


def _find_ibans(shadow: str) -> Iterator[Span]:
    for match in _IBAN.finditer(shadow):
        length = _IBAN_LENGTHS.get(shadow[match.start() : match.start() + 2])
        end = None if length is None else _end_of(shadow, match.start(), length)
        if end is not None and _mod_97(re.sub("[ -]", "", shadow[match.start() : end])) == 1:
            yield match.start(), end


def _end_of(shadow: str, start: int, length: int) -> int | None:
    """Return the end of `length` letters and digits, which single spaces or hyphens may separate; None if they are not there."""
    count, at = 0, start
    while at < len(shadow) and count < length:
        if shadow[at].isascii() and shadow[at].isalnum():
            count += 1
        elif shadow[at] not in " -" or shadow[at - 1] in " -":
            return None
        at += 1
    follows = at < len(shadow) and shadow[at].isalnum()
    return at if count == length and not follows else None


def _mod_97(iban: str) -> int:
    return int("".join(str(int(character, 36)) for character in iban[4:] + iban[:4])) % 97


def _find_ssns(shadow: str) -> Iterator[Span]:
    for match in _SSN.finditer(shadow) if _nine_digits(shadow) else ():
        area, _, group, serial = match.groups()
        if area not in ("000", "666") and area < "900" and group != "00" and serial != "0000":
            yield match.span()


def _find_emails(shadow: str) -> Iterable[Span]:
    return _spans(_EMAIL, shadow) if "@" in shadow else ()


def _find_addresses(shadow: str) -> Iterator[Span]:
    for match in _IPV4.finditer(shadow) if _dotted(shadow) else ():
        if all(int(part) < 256 for part in match[0].split(".")):
            yield match.span()
    if "::" in shadow or shadow.count(":") > 6:
        for match in _IPV6.finditer(shadow):
            if sum(character != ":" for character in match[0]) > 2 and _is_ipv6(match[0]):
                yield match.span()


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


def _find_phones(shadow: str) -> Iterable[Span]:
    return _spans(_PHONE, shadow) if _nine_digits(shadow) else ()


def _spans(pattern: re.Pattern[str], shadow: str) -> Iterator[Span]:
    return (match.span() for match in pattern.finditer(shadow))


_FINDERS: Mapping[Kind, Callable[[str], Iterable[Span]]] = {
    "api_key": _find_api_keys,
    "credit_card": _find_cards,
    "iban": _find_ibans,
    "ssn": _find_ssns,
    "email": _find_emails,
    "ip": _find_addresses,
    "phone": _find_phones,
}
