"""Requests and responses of the routes of the ledger."""

import json
from datetime import datetime
from typing import Any, Self

import msgspec
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from guard_core.days import from_microseconds, microseconds
from guard_core.units import NANO
from guard_store.ledger.bodies import StoredBodies
from guard_store.ledger.checkpoints import Checkpoint
from guard_store.ledger.entry import LedgerRow
from guard_store.ledger.store import LedgerFilter
from guard_store.ledger.verify import Verification


class AuditQuery(BaseModel):
    """A filter of the ledger's rows."""

    model_config = ConfigDict(extra="forbid")

    project_id: str | None = None
    key_id: str | None = None
    route: str | None = Field(None, description="As the app declares it, such as `/api/v1/projects/{project_id}`.")
    request_id: str | None = None
    model: str | None = None
    end_user: str | None = None
    compliance_flag: bool | None = None
    flag: str | None = Field(None, description="A rule that matched, as in `flags`: `request.email`.")
    since: AwareDatetime | None = Field(None, description="First instant, with its offset.")
    until: AwareDatetime | None = Field(None, description="First instant after, with its offset.")

    def filter(self, key_project: str | None) -> LedgerFilter:
        """Return the filter; for a key of one project, that project is the default."""
        return LedgerFilter(
            project_id=self.project_id or key_project,
            key_id=self.key_id,
            route=self.route,
            request_id=self.request_id,
            model=self.model,
            end_user=self.end_user,
            compliance_flag=self.compliance_flag,
            flag=self.flag,
            from_us=None if self.since is None else microseconds(self.since),
            to_us=None if self.until is None else microseconds(self.until),
        )


class AuditPageQuery(AuditQuery):
    """A filter of the ledger's rows, and a page."""

    cursor: str | None = Field(None, description="`next_cursor` of the page before.")
    limit: int = Field(100, ge=1, le=1000, description="Items of a page at most.")


class LedgerRowView(BaseModel):
    """One row of the ledger; columns that do not apply to its route are null."""

    seq: int
    at: datetime
    route: str
    method: str
    status: int
    request_id: str | None
    key_id: str | None
    role: str
    project_id: str | None
    end_user: str | None
    prompt: str | None
    prompt_hash: str | None
    policy_hash: str | None
    model: str | None
    tokens_in: int | None
    tokens_cached: int | None
    tokens_out: int | None
    tokens_reasoning: int | None
    tokens_estimated: bool
    cost_usd: float | None
    compliance_flag: bool
    flags: list[str]
    request_hash: str | None
    response_hash: str | None
    details: dict[str, Any] = Field(
        description="Fields specific to the route; `path` is the path as called, if it is not the route itself."
    )
    prev_hash: str
    hash: str
    hash_version: int

    @classmethod
    def of(cls, row: LedgerRow) -> Self:
        """Convert a row of the ledger."""
        values = msgspec.structs.asdict(row)
        cost = values.pop("cost_nano_usd")
        return cls(
            **{
                **values,
                "at": from_microseconds(values.pop("at_us")),
                "cost_usd": None if cost is None else cost / NANO,
                "flags": [flag for flag in values["flags"].split(",") if flag],
                "details": json.loads(values["details"]),
            }
        )


class BodiesView(BaseModel):
    """The recorded bodies of a request; redacted texts are placeholders."""

    seq: int = Field(description="The row of the ledger.")
    at: datetime
    project_id: str | None
    request: Any
    response: Any = Field(description="Null if there was no answer; for a stream, its texts.")

    @classmethod
    def of(cls, stored: StoredBodies) -> Self:
        """Convert stored bodies."""
        return cls(
            seq=stored.seq,
            at=from_microseconds(stored.at_us),
            project_id=stored.project_id,
            request=json.loads(stored.request),
            response=None if stored.response is None else json.loads(stored.response),
        )


class CheckpointView(BaseModel):
    """The hash of the chain at a row, signed."""

    seq: int
    hash: str
    kind: str = Field(description="`periodic`, or `retention`: the rows up to this one were deleted on purpose.")
    made_us: int = Field(description="Microseconds since the epoch, as they were signed.")
    public_key: str = Field(description="Ed25519, base64.")
    signature: str = Field(description='Of the JSON array `["ml-guard ledger checkpoint", seq, hash, kind, made_us]`.')

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> Self:
        """Convert a stored checkpoint."""
        return cls(**{name: getattr(checkpoint, name) for name in cls.model_fields})


class VerificationView(BaseModel):
    """The result of a verification of the chain."""

    ok: bool
    rows: int = Field(description="Rows that were checked.")
    first_seq: int | None
    last_seq: int | None
    head: str = Field(description="Hash of the last row that is right.")
    checkpoints: int = Field(description="Signed checkpoints that agree with the chain.")
    broken_seq: int | None = Field(description="The first row at which the chain is broken.")
    problem: str | None

    @classmethod
    def of(cls, verification: Verification) -> Self:
        """Convert the result of a verification."""
        return cls(**{name: getattr(verification, name) for name in cls.model_fields})
