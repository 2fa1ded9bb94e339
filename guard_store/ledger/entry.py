"""The fields of a row of the ledger, and its hash.

Fields are integers, texts and booleans only: their JSON is the same everywhere, so that anyone can recompute the hash.
"""

import hashlib
import json  # noqa: F401 - used by the doctest
from collections.abc import Iterable, Mapping
from operator import attrgetter
from typing import Any, Final

import msgspec

GENESIS: Final = "0" * 64
"""`prev_hash` of the first row."""

_json = msgspec.json.Encoder().encode


class Entry(msgspec.Struct, array_like=True, kw_only=True):
    """A record of one request, or of several of one kind; number and hashes are added by the chain.

    Attributes
    ----------
    at_us : time of the answer, microseconds since the epoch.
    route : path template as the app declares it, without the caller's values.
    method : HTTP method, or the command that acted.
    status : status of the answer; 499 if the client disconnected before its end.
    role : role of the caller, `guest`, `analyst` or `admin`; `system` for actions without a caller.
    end_user : the user on whose behalf the caller asked, as named by the caller.
    prompt, prompt_hash : `name@version` of the template and the hash of its content.
    policy_hash : hash of the content policy that was applied.
    tokens_in, tokens_cached : tokens of the prompt, and how many of them came from the provider's cache.
    tokens_out, tokens_reasoning : tokens of the answer, and how many of them were spent on reasoning.
    tokens_estimated : whether the tokens are our estimate, because the provider reported none.
    cost_nano_usd : billionths of a dollar; None if the price is not known.
    flags : comma-separated names of the rules that matched; never the matching text.
    request_hash, response_hash : SHA-256 of the bodies, hexadecimal.
    details : JSON text with fields specific to the route; `path` is the path as called, if it is not the route itself.
    """

    at_us: int
    route: str
    method: str
    status: int
    request_id: str | None = None
    key_id: str | None = None
    role: str = "system"
    project_id: str | None = None
    end_user: str | None = None
    prompt: str | None = None
    prompt_hash: str | None = None
    policy_hash: str | None = None
    model: str | None = None
    tokens_in: int | None = None
    tokens_cached: int | None = None
    tokens_out: int | None = None
    tokens_reasoning: int | None = None
    tokens_estimated: bool = False
    cost_nano_usd: int | None = None
    compliance_flag: bool = False
    flags: str = ""
    request_hash: str | None = None
    response_hash: str | None = None
    details: str = "{}"


FIELDS: Final = Entry.__struct_fields__

HASHED_FIELDS: Final[Mapping[int, tuple[str, ...]]] = {
    1: tuple(
        "at_us route method status request_id key_id role project_id end_user prompt prompt_hash policy_hash model"  # noqa: SIM905
        " tokens_in tokens_cached tokens_out tokens_reasoning tokens_estimated cost_nano_usd compliance_flag flags"
        " request_hash response_hash details".split()
    ),
}
"""Fields of an entry that its hash covers, in their order, by version of the hash.

A new field of `Entry` gets a new version here; rows of older versions keep theirs, and stay valid.
"""
HASH_VERSION: Final = max(HASHED_FIELDS)


class LedgerRow(Entry, kw_only=True):
    """A row of the chain: an entry, its number, its hash and the hash of the row before it.

    Attributes
    ----------
    hash_version : determines which fields the hash covers (`HASHED_FIELDS`).
    """

    seq: int
    prev_hash: str
    hash: str = ""
    hash_version: int = HASH_VERSION


COLUMNS: Final = ("seq", *FIELDS, "prev_hash", "hash", "hash_version")
"""Columns of `ledger`, in the order of exports."""

row_values = attrgetter(*COLUMNS)
"""Values of a row in the order of `COLUMNS`."""

_hashed_values: Final = {version: attrgetter("seq", *fields, "prev_hash") for version, fields in HASHED_FIELDS.items()}


def row_of(values: Iterable[Any]) -> LedgerRow:
    """Build a row from values in the order of `COLUMNS`."""
    return LedgerRow(**dict(zip(COLUMNS, values, strict=True)))


def row_hash(row: LedgerRow) -> str:
    """Return the SHA-256 of a row without its hash, as the UTF-8 of a compact JSON array.

    Raises
    ------
    KeyError
        If the version of the row's hash is unknown.

    Examples
    --------
    >>> row = LedgerRow(seq=1, at_us=2, route="/query", method="POST", status=200, prev_hash=GENESIS)
    >>> text = json.dumps([row.seq, *(getattr(row, name) for name in HASHED_FIELDS[1]), GENESIS], separators=(",", ":"))
    >>> row_hash(row) == hashlib.sha256(text.encode()).hexdigest()
    True
    """
    return hashlib.sha256(_json(_hashed_values[row.hash_version](row))).hexdigest()


def chain_entry(entry: Entry, seq: int, prev_hash: str) -> LedgerRow:
    """Build the row of an entry at a position in the chain."""
    row = LedgerRow(**msgspec.structs.asdict(entry), seq=seq, prev_hash=prev_hash)
    row.hash = row_hash(row)
    return row
