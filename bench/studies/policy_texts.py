"""Texts of the policy study: business text without personal data, and sentences with generated personal data of eight locales."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np

from serving.gateway.policy.personal import Kind

Rng: TypeAlias = np.random.Generator

_TEXT: Final = (
    "the report of the quarter shows that our orders from new regions grew while costs of freight stayed flat and margins "
    "of the second product line fell because suppliers raised prices twice so the team will review all open contracts "
    "before the next meeting with finance and decide whether to renew them or look for other partners in the north"
)
_WORDS: Final = _TEXT.split()
_ADVERBS: Final = ("today", "again", "as planned", "on time", "in total", "so far")


def fill(rng: Rng, template: str) -> str:
    """Replace each `#` with a digit, each `%` with a digit other than 0, each `x` in braces with a hexadecimal digit."""
    out = template.replace("{x}", "\0")
    digits = rng.integers(0, 10, len(out))
    hexadecimal = rng.integers(0, 16, len(out))
    return "".join(
        str(digit) if c == "#" else str(digit % 9 + 1) if c == "%" else f"{code:x}" if c == "\0" else c
        for c, digit, code in zip(out, digits, hexadecimal, strict=True)
    )


def pick(rng: Rng, choices: Sequence[Any]) -> Any:
    """Draw one of some choices."""
    return choices[int(rng.integers(len(choices)))]


def _date(rng: Rng) -> str:
    year, month, day = int(rng.integers(1995, 2031)), int(rng.integers(1, 13)), int(rng.integers(1, 29))
    form = pick(
        rng,
        (
            "{0}-{1:02}-{2:02}",
            "{2:02}.{1:02}.{0}",
            "{1}/{2}/{0}",
            "{2:02}-{1:02}-{0}",
            "{0}{1:02}{2:02}",
            "{2} {1} {0}",
        ),
    )
    return str(form.format(year, month, day))


def _time(rng: Rng) -> str:
    hour, minute, second = (int(n) for n in rng.integers(0, (24, 60, 60)))
    return f"{hour:02}:{minute:02}:{second:02}"


def _uuid(rng: Rng) -> str:
    digit = pick(rng, ("{x}", "{x}", "#"))  # some of digits alone, the hardest ones
    return fill(rng, "-".join((digit * 8, digit * 4, "4" + digit * 3, "8" + digit * 3, digit * 12)))


def _numbers(rng: Rng) -> str:
    separator, width = pick(rng, (" ", " ", ", ", "; ", "\t", " | ")), int(rng.integers(1, 7))
    widths = [width] * 12 if rng.random() < 0.5 else rng.integers(1, 7, 12)
    return str(separator.join(fill(rng, "%" + "#" * (int(w) - 1)) for w in widths[: int(rng.integers(3, 13))]))


def _prose(rng: Rng) -> str:
    start = int(rng.integers(len(_WORDS)))
    words = [_WORDS[(start + i) % len(_WORDS)] for i in range(int(rng.integers(8, 24)))]
    return str(
        " ".join(words).capitalize() + pick(rng, (".", f" by {fill(rng, '%.#')} %.", f" in {fill(rng, '20##')}."))
    )


def _from(*templates: str) -> Callable[[Rng], str]:
    return lambda rng: fill(rng, pick(rng, templates))


_HARMLESS: Final[Sequence[Callable[[Rng], str]]] = (
    *[_prose] * 8,
    lambda rng: f"Due {_date(rng)}, paid {_date(rng)}, shipped {_date(rng)} {_time(rng)}",
    lambda rng: f"{_date(rng)}T{_time(rng)}.{fill(rng, '###')}Z started; {_time(rng)}-{_time(rng)} maintenance",
    lambda rng: f"[{_date(rng)} {_time(rng)},###] INFO worker-{fill(rng, '##')} req={_uuid(rng)} took {fill(rng, '%##')} ms",
    lambda rng: fill(rng, f'"GET /orders/%####### HTTP/1.1" 200 %#### {_time(rng)} +0200 %### 0.0##'),
    lambda rng: f"id {_uuid(rng)} replaces {_uuid(rng)}",
    lambda rng: f"Years {' '.join(str(int(y)) for y in sorted(rng.integers(1990, 2031, int(rng.integers(3, 10)))))}",
    *[_numbers] * 3,
    _from("v%.#.##", "version %.#.#.#", "release 10.0.%####.%###", "pip install tool==%.##.#", "Chrome/1##.0.6###.1##", "==%.#.#.#"),
    _from("sha1 " + "{x}" * 40, "md5 " + "{x}" * 32, "commit " + "{x}" * 7, "sha256:" + "{x}" * 64, "etag " + "{x}" * 16),
    _from("epoch 17########", "at 17###########", "ns 17#################", "offset 1###############", "id 1%################"),
    _from("file 20##0%1%0###00_create_table.sql", "backup_20##0%1%_0%0#0#.tar.gz", "IMG_20##0%1%_1#####.jpg", "dump-4#######-1%.csv"),
    _from("order ORD-20##-0#####", "PO 45########", "invoice INV-%##-%##-###", "ticket #%#####", "case 00######", "lot %##-##-###"),
    _from("order 20##0%1%########", "ref %#########", "RMA 0%##-###-##", "SKU %##-%###-##", "part 0##-###.##", "serial {x}{x}{x}{x}-####-####-{x}{x}{x}{x}"),
    _from("EAN 40###########", "EAN 49###########", "EAN 50###########", "ISBN 978-3-16-1####-#", "UPC 0##########", "tracking 1Z###E#########"),
    _from("tracking %### #### ####", "VAT DE#########", "VAT GB### #### ##", "HRB %####", "D-U-N-S ##-###-####", "CUSIP 0378331##"),
    _from("at 52.5#####, 13.4#####", "lat -33.8######## lon 151.2########", "40.7### N 74.0### W", "x=0.1############### y=4.5###############"),
    _from("EUR %.###,##", "$%,###,###.##", "% ### ### SEK", "total %## ###,## kr", "¥%,###,###", "%##.###.### IDR", "CHF %'###.--"),
    _from("| %## | ## | #### | %.## |", "%##\t##\t####\t%###", "  %###   %###   %###   %###  ", "%###,%###,%###,%###,%###", "Q1 %### Q2 %### Q3 %### Q4 %###"),
    _from("a[::2] std::map %## ns::f", "MAC {x}{x}:{x}{x}:{x}{x}:{x}{x}:{x}{x}:{x}{x}", "0x{x}{x}{x}{x}{x}{x}{x}{x}", "rows %-%##, %##-%###", "@media (max-width: %##px)"),
    _from('{"id": %#######, "total": %##.##, "sku": "%###-##"}', '{"min": 20##0%1%0001##, "max": 20##1%1%0019##}', "[%###, %###, %###, %###]"),
    _from("https://example.com/p/%########?v=%##", "/var/log/app-20##-0%-1%.log:%##", "ratio %:%#, %##:%##", "score %-# #-%", "be%# of the series, no%# in stock"),
)  # fmt: skip


def harmless_lines(rng: Rng, words: int) -> Iterator[str]:
    """Yield lines of business text without personal data until they have some number of words."""
    count = 0
    while count < words:
        line = fill(rng, pick(rng, _HARMLESS)(rng))
        if rng.random() < 0.3:
            line = f"{line} {pick(rng, _ADVERBS)}"
        count += len(line.split())
        yield line


@dataclass(frozen=True, slots=True)
class Locale:
    """What personal data of a country looks like; in templates, `#` and `%` are digits."""

    sentence: str
    national: Sequence[str]
    international: Sequence[str]
    iban: str | None = None
    domain: str = "example.com"


LOCALES: Final[Mapping[str, Locale]] = {
    "US": Locale("Please contact {} about it.", ("(212) %##-####", "415-%##-####", "617.%##.####", "305 %## ####"),
                 ("+1 212 %## ####", "+1-415-%##-####", "+1 (617) %##-####", "+1305%######")),
    "GB": Locale("You can reach me via {}, thanks.", ("020 7%## ####", "0161 4## ####", "0778# ######", "0121 2## ####"),
                 ("+44 20 7%## ####", "+44 (0)161 4## ####", "+44778#######"), "GB##AAAA##############", "example.co.uk"),
    "DE": Locale("Bitte notieren Sie {} für uns.", ("030 %######", "089/%#######", "0171 %######", "(0221) %######", "0211-%######"),
                 ("+49 30 %######", "+49 (0)171 %######", "+49221%######"), "DE" + "#" * 20, "beispiel.de"),
    "FR": Locale("Merci de noter {} avant lundi.", ("01 4# ## ## ##", "06 %# ## ## ##", "06.%#.##.##.##", "04 72 ## ## ##"),
                 ("+33 1 4# ## ## ##", "+33 6 %# ## ## ##", "+3314#######"), "FR" + "#" * 25, "exemple.fr"),
    "ES": Locale("Por favor, apunte {} para mañana.", ("6%# ## ## ##", "91% ## ## ##", "6%# ### ###", "91 4## ## ##"),
                 ("+34 6%# ## ## ##", "+34 91 4## ## ##", "+346%#######"), "ES" + "#" * 22, "ejemplo.es"),
    "IT": Locale("Per favore annoti {} per domani.", ("06 6### ####", "02 %######", "347 %## ####", "347 %######"),
                 ("+39 06 6### ####", "+39 347 %## ####", "+39347%######"), "IT##A" + "#" * 22, "esempio.it"),
    "NL": Locale("Noteer alstublieft {} voor ons.", ("020 %## ####", "06 %#######", "06-%#######", "010-%######"),
                 ("+31 20 %## ####", "+31 6 %#######", "+3120%######"), "NL##AAAA##########", "voorbeeld.nl"),
    "JP": Locale("ご連絡先は{}です。", ("03-3###-####", "090-%###-####", "06-6###-####", "080-%###-####"),
                 ("+81 3-3###-####", "+81 90-%###-####", "+8190%#######"), None, "example.jp"),
}  # fmt: skip

_CARDS: Final = (
    "4" + "#" * 15, "5%" + "#" * 14, "34" + "#" * 13, "37" + "#" * 13, "6011" + "#" * 12, "3530" + "#" * 12,
    "36" + "#" * 12, "62" + "#" * 14, "22%" + "#" * 13, "6759" + "#" * 12,
)  # fmt: skip
_GROUPS: Final = {14: (4, 6, 4), 15: (4, 6, 5), 16: (4, 4, 4, 4)}


def personal_data(rng: Rng, locale: Locale) -> Iterator[tuple[str, Kind, str]]:
    """Yield one value of each form that a locale has: name of the form, kind, text."""
    yield "phone, national", "phone", fill(rng, pick(rng, locale.national))
    yield "phone, international", "phone", fill(rng, pick(rng, locale.international))
    yield "card", "credit_card", _card(rng)
    if locale.iban is not None:
        yield "IBAN", "iban", _iban(rng, locale.iban)
    if locale is LOCALES["US"]:
        area = int(rng.choice([n for n in range(1, 900) if n != 666]))
        yield "SSN", "ssn", f"{area:03}-{int(rng.integers(1, 100)):02}-{int(rng.integers(1, 10_000)):04}"
    name = pick(rng, ("anna.berg", "j.smith", "m_rossi", "t-tanaka", "lucie+shop", "k"))
    yield "e-mail", "email", f"{name}{int(rng.integers(100))}@{locale.domain}"


def _card(rng: Rng) -> str:
    template = pick(rng, _CARDS)
    if template.startswith("5%"):
        template = f"5{int(rng.integers(1, 6))}{template[2:]}"
    elif template.startswith("22%"):
        template = f"22{int(rng.integers(3, 10))}{template[3:]}"
    body = fill(rng, template)[:-1]
    doubled = sum(sum(divmod(int(digit) * 2, 10)) for digit in body[::-2])
    digits = body + str(-(doubled + sum(map(int, body[-2::-2]))) % 10)
    separator = pick(rng, ("", " ", "-"))
    return str(separator).join(_split(digits, _GROUPS[len(digits)]))


def _iban(rng: Rng, template: str) -> str:
    country, body = (
        template[:2],
        "".join(chr(65 + int(rng.integers(26))) if c == "A" else c for c in fill(rng, template)[4:]),
    )
    check = 98 - int("".join(str(int(c, 36)) for c in f"{body}{country}00")) % 97
    iban = f"{country}{check:02}{body}"
    return str(pick(rng, ("", " "))).join(_split(iban, (4,) * 9))


def _split(text: str, widths: Sequence[int]) -> Iterator[str]:
    start = 0
    for width in widths:
        if text[start : start + width]:
            yield text[start : start + width]
        start += width
