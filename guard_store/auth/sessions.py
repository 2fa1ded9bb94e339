"""Sessions of the pages: opaque random tokens, stored as SHA-256 only; each with the caller who signed in.

Cookies and forms are `serving.pages.sessions`.
"""

import hashlib
import secrets
from dataclasses import dataclass
from typing import Final

from sqlalchemy import and_, delete, insert, or_, select

from guard_core.days import now_us
from guard_core.settings import Role
from guard_core.units import SECOND_US
from guard_store.auth.tables import api_keys, page_sessions
from guard_store.db.database import Database

SESSION_S: Final = 12 * 3600
LINK_S: Final = 15 * 60
ATTEMPT_S: Final = 10 * 60
_TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The caller of a session; `project_id` None means all projects."""

    caller_id: str
    role: Role
    project_id: str | None


_NOBODY: Final = SignedIn("anonymous", "guest", None)


class SessionStore:
    """Opens, finds and ends sessions, and makes what opens one: links, and attempts to sign in at an issuer."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def make_link(self, caller: SignedIn) -> str:
        """Return a token that opens one session of this caller within `LINK_S` seconds."""
        return self._insert(caller, "link", LINK_S)

    def open(self, caller: SignedIn, valid_s: int = SESSION_S) -> str:
        """Return the token of a new session of this caller; it ends after `valid_s` seconds."""
        return self._insert(caller, "session", valid_s)

    def begin_attempt(self) -> str:
        """Return the token of an attempt to sign in elsewhere, to be completed once within `ATTEMPT_S` seconds."""
        return self._insert(_NOBODY, "attempt", ATTEMPT_S)

    def take_attempt(self, token: str) -> bool:
        """Make an attempt invalid; return False if it is unknown, completed or too old."""
        return self._take(token, "attempt") is not None

    def take_link(self, token: str) -> SignedIn | None:
        """Return the caller of a link, and make the link invalid; None if it is unknown, used or too old."""
        return self._take(token, "link")

    def find(self, token: str) -> SignedIn | None:
        """Return the caller of a session; None if it is unknown, has ended, or its key has been revoked."""
        return self._find(token, "session")

    def end(self, token: str) -> None:
        """End a session; an unknown one is ended already."""
        with self._database.write() as connection:
            connection.execute(delete(page_sessions).where(page_sessions.c.token_hash == _hash(token)))

    def _insert(self, caller: SignedIn, kind: str, valid_s: int) -> str:
        token, created_us = secrets.token_urlsafe(_TOKEN_BYTES), now_us()
        row = {
            "token_hash": _hash(token),
            "kind": kind,
            "caller_id": caller.caller_id,
            "role": caller.role,
            "project_id": caller.project_id,
            "created_us": created_us,
            "expires_us": created_us + valid_s * SECOND_US,
        }
        with self._database.write() as connection:
            connection.execute(delete(page_sessions).where(page_sessions.c.expires_us < created_us))
            connection.execute(insert(page_sessions), row)
        return token

    def _take(self, token: str, kind: str) -> SignedIn | None:
        caller = self._find(token, kind)
        with self._database.write() as connection:
            row = and_(page_sessions.c.token_hash == _hash(token), page_sessions.c.kind == kind)
            statement = delete(page_sessions).where(row)
            is_first = connection.execute(statement).rowcount == 1
        return caller if is_first else None

    def _find(self, token: str, kind: str) -> SignedIn | None:
        key = api_keys.alias()
        statement = (
            select(page_sessions.c.caller_id, page_sessions.c.role, page_sessions.c.project_id)
            .outerjoin(key, key.c.id == page_sessions.c.caller_id)
            .where(
                and_(
                    page_sessions.c.token_hash == _hash(token),
                    page_sessions.c.kind == kind,
                    page_sessions.c.expires_us >= now_us(),
                    or_(key.c.id.is_(None), key.c.revoked_us.is_(None)),
                )
            )
        )
        with self._database.read() as connection:
            row = connection.execute(statement).one_or_none()
        return None if row is None else SignedIn(row.caller_id, row.role, row.project_id)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
