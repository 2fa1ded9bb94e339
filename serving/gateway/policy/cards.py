"""Card numbers: an issuer's range with its lengths, the grouping of printed cards, and the Luhn digit.

What only passes the checksum is no card: one in ten numbers does.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Final

from stdnum import luhn

# First and last six digits of a range, and lengths of its cards. Visa's 13 digits are no longer issued, and EAN article numbers have 13.
_RANGES: Final[Sequence[tuple[int, int, frozenset[int]]]] = sorted(
    (first, last, frozenset(lengths))
    for first, last, lengths in (
        (220000, 220499, range(16, 20)),  # Mir
        (222100, 272099, (16,)),  # Mastercard
        (300000, 305999, (14, 16, 19)),  # Diners Club
        (309500, 309599, (14, 16, 19)),
        (340000, 349999, (15,)),  # American Express
        (352800, 358999, (16, 19)),  # JCB
        (360000, 369999, (14, 16, 19)),  # Diners Club
        (370000, 379999, (15,)),  # American Express
        (380000, 399999, (14, 16, 19)),  # Diners Club
        (400000, 499999, (16, 19)),  # Visa
        (500000, 509999, (16, 18, 19)),  # Maestro, RuPay, Elo
        (510000, 559999, (16,)),  # Mastercard
        (560000, 589999, (16, 18, 19)),  # Maestro
        (601100, 601199, (16, 19)),  # Discover
        (606985, 608500, (16,)),  # RuPay
        (620000, 629999, range(16, 20)),  # UnionPay
        (639000, 639099, (16, 18, 19)),  # Maestro
        (644000, 659999, (16, 19)),  # Discover
        (670000, 679999, (16, 18, 19)),  # Maestro
        (810000, 817199, range(16, 20)),  # UnionPay
    )
)
_FIRSTS: Final = [first for first, _, _ in _RANGES]
# The lookbehinds come after the first character, so that the search can jump from digit to digit.
_CARD = re.compile(
    r"""[2-68](?<![a-z0-9_.].)(?<![0-9]-.)(?:
        [0-9]{13,18}
      | [0-9]{3}([ .-])[0-9]{4}\1[0-9]{4}\1[0-9]{4}(?P<more>\1[0-9]{1,3}(?![0-9]))?
      | [0-9]{3}([ -])[0-9]{6}\3[0-9]{4,5}
    )(?![a-z0-9_]|-[a-z0-9]|\.(?!0(?![0-9]))[0-9])""",
    re.VERBOSE,
)


def find_cards(normal: str, start: int) -> Iterator[tuple[int, int]]:
    """Find the spans of card numbers from a place of a normal text on."""
    match = _CARD.search(normal, start)
    while match is not None:
        first, end = match.span()
        if match["more"] and not _is_card(match[0]):
            end = match.start("more")
        if _is_card(normal[first:end]):
            yield first, end
            match = _CARD.search(normal, end)
        else:
            match = _CARD.search(normal, first + 1)


def _is_card(text: str) -> bool:
    digits = re.sub("[ .-]", "", text)
    prefix = int(digits[:6])
    place = bisect_right(_FIRSTS, prefix) - 1
    return (
        place >= 0 and prefix <= _RANGES[place][1] and len(digits) in _RANGES[place][2] and bool(luhn.is_valid(digits))
    )
