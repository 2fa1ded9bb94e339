"""Personal data and secrets by their shape, and by the checksum that the real ones have.

Patterns see the shadow of a text (`shadow`): lower case, one width. Every match is at most `MOST` characters long, and looks at
one character before and after itself, so that a stream needs to hold back no more.
"""

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, Literal, TypeAlias, get_args

Kind: TypeAlias = Literal["api_key", "credit_card", "iban", "ssn", "email", "ip", "phone"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
"""In the order in which they claim a piece of text."""

WITHOUT_DIGITS: Final = frozenset[Kind]({"api_key", "email", "ip"})
"""Those that may stand in a text without a digit."""

MOST: Final = 512
Span: TypeAlias = tuple[int, int]

_API_KEY = re.compile(
    r"""(?<![a-z0-9])(?:
        sk-[a-z0-9_-]{20,200} | (?:akia|asia)[0-9a-z]{16}(?![a-z0-9]) | gh[pousr]_[a-z0-9]{36,200}
      | github_pat_[a-z0-9_]{22,200} | glpat-[a-z0-9_-]{20,100} | xox[abeprs]-[a-z0-9-]{10,200} | aiza[0-9a-z_-]{35}
      | hf_[a-z0-9]{30,100} | mlg_[a-z0-9_-]{40,100} | eyj[a-z0-9_-]{8,200}\.eyj[a-z0-9_-]{8,200}\.[a-z0-9_-]{8,100}
    ) | -----begin\ [a-z ]{0,24}private\ key-----""",
    re.VERBOSE,
)
# Where none of these stands, there is nothing to look for: most texts cost little more than this.
_KEY_HEADS = (
    *("sk-", "akia", "asia", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "xox", "aiza", "hf_"),
    *("mlg_", "eyj", "private key-"),
)
_nine_digits = re.compile(r"[0-9](?:[ ().-]{0,2}[0-9]){8}").search
_dotted = re.compile(r"[0-9]\.[0-9]{1,3}\.[0-9]").search
# What may not stand before is looked at after the first character: the search jumps from digit to digit then.
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
_CARD_LEAST, _CARD_MOST = 13, 19
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
    """Where a kind of personal data stands in a shadow, from left to right."""
    return _FINDERS[kind](shadow)


def _api_keys(shadow: str) -> Iterable[Span]:
    for head in _KEY_HEADS:
        if head in shadow:
            return _spans(_API_KEY, shadow)
    return ()


def _cards(shadow: str) -> Iterator[Span]:
    for match in _DIGITS.finditer(shadow) if _nine_digits(shadow) else ():
        # Other numbers may stand before and after, a space between: a card begins and ends with one of the groups.
        places = [place for place in range(*match.span()) if shadow[place].isdigit()]
        sums = _luhn_sums([int(shadow[place]) for place in places])
        first = 0
        while first <= len(places) - _CARD_LEAST:
            n = _card_at(shadow, places, sums, first)
            if n:
                yield places[first], places[first + n - 1] + 1
            first += n or 1


def _card_at(shadow: str, places: list[int], sums: tuple[list[int], list[int]], first: int) -> int:
    """How many digits the longest card has that begins at a digit; 0 where none does."""
    if shadow[places[first]] not in "23456" or (first and places[first] == places[first - 1] + 1):
        return 0
    for n in range(min(len(places) - first, _CARD_MOST), _CARD_LEAST - 1, -1):
        last = first + n - 1
        is_over = last + 1 == len(places) or places[last + 1] > places[last] + 1
        if is_over and (sums[last % 2][last + 1] - sums[last % 2][first]) % 10 == 0:
            return n
    return 0


def _luhn_sums(digits: list[int]) -> tuple[list[int], list[int]]:
    """Running sums of the digits with every second one doubled, for cards whose last digit is at an even place, and at an odd one."""
    even, odd = [0], [0]
    for place, digit in enumerate(digits):
        doubled = sum(divmod(digit * 2, 10))
        even.append(even[-1] + (doubled if place % 2 else digit))
        odd.append(odd[-1] + (digit if place % 2 else doubled))
    return even, odd


def _ibans(shadow: str) -> Iterator[Span]:
    for match in _IBAN.finditer(shadow):
        length = _IBAN_LENGTHS.get(shadow[match.start() : match.start() + 2])
        end = None if length is None else _end_of(shadow, match.start(), length)
        if end is not None and _mod_97(re.sub("[ -]", "", shadow[match.start() : end])) == 1:
            yield match.start(), end


def _end_of(shadow: str, start: int, length: int) -> int | None:
    """The end of so many letters and digits, single spaces and hyphens between them left out."""
    found, at = 0, start
    while at < len(shadow) and found < length:
        if shadow[at].isascii() and shadow[at].isalnum():
            found += 1
        elif shadow[at] not in " -" or shadow[at - 1] in " -":
            return None
        at += 1
    follows = at < len(shadow) and shadow[at].isalnum()
    return at if found == length and not follows else None


def _mod_97(iban: str) -> int:
    return int("".join(str(int(character, 36)) for character in iban[4:] + iban[:4])) % 97


def _ssns(shadow: str) -> Iterator[Span]:
    for match in _SSN.finditer(shadow) if _nine_digits(shadow) else ():
        area, _, group, serial = match.groups()
        if area not in ("000", "666") and area < "900" and group != "00" and serial != "0000":
            yield match.span()


def _emails(shadow: str) -> Iterable[Span]:
    return _spans(_EMAIL, shadow) if "@" in shadow else ()


def _addresses(shadow: str) -> Iterator[Span]:
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


def _phones(shadow: str) -> Iterable[Span]:
    return _spans(_PHONE, shadow) if _nine_digits(shadow) else ()


def _spans(pattern: re.Pattern[str], shadow: str) -> Iterator[Span]:
    return (match.span() for match in pattern.finditer(shadow))


_FINDERS: Mapping[Kind, Callable[[str], Iterable[Span]]] = {
    "api_key": _api_keys,
    "credit_card": _cards,
    "iban": _ibans,
    "ssn": _ssns,
    "email": _emails,
    "ip": _addresses,
    "phone": _phones,
}
