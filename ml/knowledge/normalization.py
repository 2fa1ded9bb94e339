"""The one form of text in which documents are indexed and questions are compared with them.

Words within a text do not belong here; they are in `stems.py`.
"""

import re
import unicodedata

# Invisible characters inside words: soft hyphen, zero-width space, word joiner, byte order mark, marks of direction, zero bytes.
_invisible = re.compile("\u00ad(?:\r?\n\\s*)?|[\u200b\u2060\ufeff\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\0]")
_raised = re.compile("(?<=\\d)(?=[\u00b2\u00b3\u00b9\u2070\u2074-\u2079\u00bc-\u00be\u2150-\u215e])|(?=[\u2122\u2120])")


def normalize_text(text: str) -> str:
    """Return a text in Unicode's compatibility form (NFKC), without soft hyphens, its white space as single spaces.

    Exponents and fractions stay apart from the number before them, because `10½` is not 101/2.

    >>> normalize_text("The ﬁre  oﬃcer at 10²")
    'The fire officer at 10 2'
    """
    visible = _invisible.sub("", text)
    composed = unicodedata.normalize("NFKC", _raised.sub(" ", visible))
    return " ".join(composed.replace("\u2010", "-").split())
