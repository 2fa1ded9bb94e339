"""What one row of the ledger says, and its hash.

Integers, texts and booleans only: their JSON is the same everywhere, so that anyone can compute the hash again.
"""

import hashlib
from typing import Any, Final, TypeAlias

import msgspec

GENESIS: Final = "0" * 64
"""What the first row has in the place of its predecessor's hash."""

_json = msgspec.json.Encoder().encode


class Entry(msgspec.Struct, array_like=True, kw_only=True):
    """One request, or several of one kind that were taken together; `seq` and hashes are the chain's.

    Attributes
    ----------
    at_us : when it was answered, microseconds since the epoch.
    route : as the app declares it, without the caller's values; `method` is HTTP's, or the command that acted.
    status : of the answer; 499 where the client went before its end.
    role : of the caller: `guest`, `analyst`, `admin`; `system` where the guard acted by itself.
    end_user : whom the caller says to have asked for.
    prompt, prompt_hash : `name@version` of the template and the hash of its content.
    policy_hash : of the policy that was applied.
    tokens_in, tokens_cached : of the prompt, and those of them that came from the provider's cache.
    tokens_out, tokens_reasoning : of the answer, and those of them that were spent on thinking.
    tokens_estimated : whether they are ours, because the provider did not say.
    cost_nano_usd : billionths of a dollar; None where the price is not known.
    flags : names of the rules that were met, comma-separated; never what met them.
    request_hash, response_hash : SHA-256 of the bodies, hexadecimal.
    details : JSON text of what belongs to this route alone.
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
COLUMNS: Final = ("seq", *FIELDS, "prev_hash", "hash")
"""Columns of `ledger`, in the order in which they are hashed (the hash itself left out)."""

LedgerRow: TypeAlias = tuple[Any, ...]
"""Values of `COLUMNS`."""


def row_hash(unhashed: LedgerRow) -> str:
    """SHA-256 of a row without its hash, as the UTF-8 of a compact JSON array.

    Examples
    --------
    >>> row_hash((1, "a", None, True))[:16] == hashlib.sha256(b'[1,"a",null,true]').hexdigest()[:16]
    True
    """
    return hashlib.sha256(_json(unhashed)).hexdigest()


def chained(entry: Entry, seq: int, prev_hash: str) -> LedgerRow:
    """The row of an entry at a place in the chain."""
    unhashed = (seq, *msgspec.structs.astuple(entry), prev_hash)
    return (*unhashed, row_hash(unhashed))
