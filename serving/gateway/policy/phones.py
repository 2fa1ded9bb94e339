"""Telephone numbers: patterns select what is written like one, libphonenumber's numbering plans decide.

The plans are loaded with the first candidate of a process; most texts have none.
"""

import re
from collections.abc import Iterator
from typing import Final

from serving.gateway.policy.normal_text import context_before

_REGIONS: Final = ("GB", "DE", "FR", "IT", "NL", "JP", "ES")
"""Countries whose national forms are found, beside those of North America. International forms are found for all countries."""

# The lookbehinds come after the first character, so that the search can jump from one to the next. Letters of other scripts may
# stand beside a number, and so may a colon or comma that no digit precedes: Japanese has no spaces.
_INTERNATIONAL = re.compile(r"\+(?<![a-z0-9_+].)[1-9](?:(?:[ ().-]{0,2}|\ ?/\ ?|\ -\ )[0-9]){6,14}(?![0-9])")
_DIALLED = re.compile(
    r"00(?<![a-z0-9_.+/-]..)(?<![0-9][:,]..)[1-9][0-9]{0,2}[ (.-](?:[ ().-]{0,2}[0-9]){6,13}(?![a-z0-9_])"
)
_NORTH_AMERICAN = re.compile(
    r"""(?<![a-z0-9_(.+-])(?:1[ .-])?(?:
        \([2-9][0-9]{2}\)\ ?[0-9]{3}[-. ]
      | [2-9][0-9]{2}[-.][0-9]{3}[-. ]
      | [2-9][0-9]{2}(?<![0-9]\ ...)\ [0-9]{3}(?:-|\ (?![0-9]{4}\ [0-9]))
    )[0-9]{4}(?![a-z0-9_-]|[.,:/][0-9])""",
    re.VERBOSE,
)
# A trunk 0, then groups with one kind of separator. Spain has no trunk digit, but groups that no list has.
_NATIONAL = re.compile(
    r"""(?:
        0(?<![a-z0-9_.+/-].)(?<![0-9][:,].)
        (?:[0-9]{1,4}(?:\)\ ?|[ /.-])|(?<![0-9]\ [/-]\ 0)[0-9]{2,4}\ [/-]\ )
        [0-9]{2,8}(?:([ .-])[0-9]{2,6}(?:\1[0-9]{2,4}){0,2})?(?:-[0-9]{1,4})?
      | [6-9](?<![a-z0-9_.+/-].)(?<![0-9][:,].)(?<![0-9]\ .)(?:[0-9]{2}\ [0-9]{2}|[0-9]\ [0-9]{3})(?:\ [0-9]{2}){2}(?!\ [0-9])
    )(?![a-z0-9_-]|[.,:/][0-9])""",
    re.VERBOSE,
)
# After a label such as `Tel.`, any grouping counts. The label is within the context of a match.
_LABELLED = re.compile(r"[0-9(](?<![a-z0-9_.+-].)(?:[ ()/.-]{0,3}[0-9]){6,13}(?![a-z0-9_])")
_follows_label = re.compile(
    r"""(?<![a-z])(?:
        (?:[a-z]{0,12}phone|tel|tfno|fon|telefoon|telefono?|mobile?|mobiel|movil|cell|cellulare|portable|fax|handy|whatsapp)
        (?:[ _-]?(?:no|nr|number|nummer|numero))?
      | (?:my|meine|mon|mijn|mi|mio|il\ mio)\ (?:number|nummer|numero)
      | (?:call|ring|text|reach|contact|bel)\ (?:me|us)(?=\ (?:on|at|op))
      | (?:erreichbar|erreichen|ruf(?:en\ sie)?\ (?:mich|uns)\ an)(?=\ unter)
      | (?:joindre|appele[rz]|contacte[rz])(?:[ -](?:moi|nous))?(?=\ au)
      | (?:llama|contacta|localiza)r?(?:me|nos)(?=\ (?:al|en\ el))
      | (?:chiama|contatta)(?:r|te)?(?:mi|ci)(?=\ al)
      | (?:bereiken|bereikbaar)(?=\ op)
    )
    (?:[^a-z0-9]{1,4}|\ (?:is|ist(?:\ die)?|lautet|es(?:\ el)?|est\ le|e(?:\ il)?|on|at|op|al|au|en\ el|unter):?\ )\Z
      | (?:(?:電話|携帯)(?:番号)?|(?<![\u4e00-\u9fff])番号)(?:は|[^a-z0-9]{1,4})\Z""",
    re.VERBOSE,
).search
# Directly after the word for another number, only a number with a country code counts.
_follows_other_label = re.compile(
    r"""(?<![a-z])(?:
        (?:order|invoice|ticket|batch|lot|part|item|article|sku|serial|case|claim|tracking|ref|reference|booking|contract
          |bestell|bestellung|auftrags?|rechnungs?|artikel|kunden|serien|commande|facture|pedido|factura|ordine|fattura|factuur)
        (?:[ ._-]{0,2}(?:n|no|nr|num|number|nummer|numero|id))?
    )(?:[^a-z0-9]{1,4}|\ (?:is|was|ist|war|lautet|est|es|e|ist\ die|est\ le|es\ el|e\ il):?\ )\Z
      | (?<!電話)(?<!携帯)(?<=[\u4e00-\u9fff])番号(?:は|[^a-z0-9]{1,4})\Z""",
    re.VERBOSE,
).search
_MIN_NATIONAL: Final = 9  # digits: a date has eight
_MIN_GROUPED: Final = 10  # of several groups with hyphens or dots: article numbers have nine
_nine_digits = re.compile(r"[0-9](?:[ ()/.-]{0,3}[0-9]){8}").search
_continues = re.compile(r" [0-9]").match
_follows_pair = re.compile(r"(?:\A|[^0-9])[0-9]{2} \Z").search
_group_end = re.compile(r"[0-9](?![0-9])")


def find_phones(normal: str, start: int) -> Iterator[tuple[int, int]]:
    """Find the spans of telephone numbers from a place of a normal text on."""
    if not _nine_digits(normal, start):
        return
    spans: list[tuple[int, int]] = []
    without_code = (
        *(match.span() for match in _NORTH_AMERICAN.finditer(normal, start)),
        *_find_dialled(normal, start),
        *_find_national(normal, start),
    )
    for first, end in (
        *_find_international(normal, start),
        *(span for span in without_code if not _follows_other_label(context_before(normal, span[0]))),
        *_find_labelled(normal, start),
    ):
        if not any(other <= first < other_end for other, other_end in spans):
            spans.append((first, end))
            yield first, end


def _find_international(normal: str, start: int) -> Iterator[tuple[int, int]]:
    """Find numbers with a country code; other numbers may follow, so the longest that its country's plan contains counts."""
    for match in _INTERNATIONAL.finditer(normal, start):
        ends = _ends(normal, *match.span())
        end = next(filter(lambda end: _is_valid(normal[match.start() : end]), ends), None)
        if end is None:
            end = next(filter(lambda end: _is_possible(normal[match.start() : end]), ends), None)
        if end is not None:
            yield match.start(), end


def _find_dialled(normal: str, start: int) -> Iterator[tuple[int, int]]:
    """Find numbers with 00 before the country code."""
    for match in _DIALLED.finditer(normal, start):
        for end in _ends(normal, *match.span()):
            if _is_valid(f"+{normal[match.start() + 2 : end]}"):
                yield match.start(), end
                break


def _find_labelled(normal: str, start: int) -> Iterator[tuple[int, int]]:
    """Find numbers after the word for one, whatever their groups."""
    for match in _LABELLED.finditer(normal, start):
        if _follows_label(context_before(normal, match.start())):
            for end in _ends(normal, *match.span()):
                if any(_is_valid(normal[match.start() : end], region) for region in (*_REGIONS, "US")):
                    yield match.start(), end
                    break


def _find_national(normal: str, start: int) -> Iterator[tuple[int, int]]:
    match = _NATIONAL.search(normal, start)
    while match is not None:
        first, end = match.span()
        ends = _ends(normal, first, end)
        texts = (normal[first:group_end] for group_end in ends if not _is_row(normal, first, group_end))
        number = next(filter(_is_national, texts), None)
        if number is not None:
            yield first, first + len(number)
        match = _NATIONAL.search(normal, first + len(number or "0"))


def _ends(normal: str, first: int, end: int) -> list[int]:
    """Return the ends of the groups of digits in a span, last one first."""
    return [match.end() for match in _group_end.finditer(normal, first, end)][::-1]


def _is_valid(text: str, region: str | None = None) -> bool:
    import phonenumbers

    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(text, region))
    except phonenumbers.NumberParseException:
        return False


def _is_possible(text: str) -> bool:
    import phonenumbers

    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(text))
    except phonenumbers.NumberParseException:
        return False


def _is_row(normal: str, first: int, end: int) -> bool:
    """Return whether three groups or more continue on either side, with spaces between: a row of numbers."""
    if normal.count(" ", first, end) < 2:
        return False
    return _continues(normal, end) is not None or _follows_pair(normal[max(0, first - 4) : first]) is not None


def _is_national(text: str) -> bool:
    """Return whether a number is in the plan of a country, and grouped as it is written there."""
    least = _MIN_GROUPED if text.count("-") + text.count(".") > 1 else _MIN_NATIONAL
    if sum(map(str.isdigit, text)) < least:
        return False
    from phonenumbers import Leniency, PhoneNumberMatcher

    matches = (match for region in _REGIONS for match in PhoneNumberMatcher(text, region, Leniency.STRICT_GROUPING))
    return any(match.end == len(text) for match in matches)
