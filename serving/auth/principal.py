"""The caller of a request: key, role and project scope, and the checks of them.

Authenticating a caller is `serving.auth.security`; which role a route needs is declared at the route.
"""

from dataclasses import dataclass

from guard_core.settings import Role
from serving.http.problems import Forbidden, Unauthorised

HOW_TO_SEND = "send a key in the header X-API-Key (or Authorization: Bearer)"
_RANK: dict[Role, int] = {"guest": 0, "analyst": 1, "admin": 2}


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller of a request.

    Attributes
    ----------
    key_id : None for an anonymous guest.
    project_id : the only project in scope; None for all projects.
    """

    key_id: str | None
    role: Role
    project_id: str | None

    def require(self, role: Role, project_id: str | None = None) -> None:
        """Refuse callers below a role, and if a project is given, callers of other projects.

        Raises
        ------
        Unauthorised
            If the caller has no key and needs one.
        Forbidden
            If the role or the project of the key is not enough.
        """
        if self.key_id is None and (role != "guest" or project_id is not None):
            raise Unauthorised(f"This needs a key of role {role}: {HOW_TO_SEND}.")
        if not self.has_role(role):
            raise Forbidden(f"This needs a key of role {role}; this key is of role {self.role}.")
        if project_id is not None and self.project_id is not None and self.project_id != project_id:
            raise Forbidden(f"This key is of project {self.project_id!r} only, not of {project_id!r}.")

    def has_role(self, role: Role) -> bool:
        """Return whether the caller is of this role or above."""
        return _RANK[self.role] >= _RANK[role]

    def require_all_projects(self, role: Role) -> None:
        """Refuse callers below a role, and keys of a single project; raises as `require`."""
        self.require(role)
        if self.project_id is not None:
            raise Forbidden(f"This needs a key of all projects; this key is of project {self.project_id!r} only.")


ANONYMOUS = Principal(None, "guest", None)
