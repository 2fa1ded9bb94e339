"""Ids of the responses that a server keeps, sealed for the project that they were made for.

All callers share the gateway's key at the server, so an id alone would open the responses of other projects.
"""

import hashlib
import hmac
from typing import Final

from pydantic import SecretStr

from serving.gateway.protocols.fields import wrong_field

PREVIOUS_RESPONSE: Final = "previous_response_id"
_SEPARATOR: Final = "."
_HEX_DIGITS: Final = 32


class ResponseIds:
    """Seals and opens ids.

    Parameters
    ----------
    key : the gateway's key at the server, which its callers do not know; without one, no id can be sealed.
    """

    def __init__(self, key: SecretStr | None) -> None:
        self._key = None if key is None else key.get_secret_value().encode()

    def seal(self, response_id: str, project_id: str) -> str:
        """Return an id as a caller of a project gets it."""
        if self._key is None:
            return response_id
        return f"{response_id}{_SEPARATOR}{_seal_of(self._key, response_id, project_id)}"

    def open(self, sealed_id: object, project_id: str) -> str:
        """Return the id at the server of one that a caller of a project sends.

        Raises
        ------
        Unprocessable
            If it was not given to a caller of this project.
        """
        if self._key is None:
            raise wrong_field(
                PREVIOUS_RESPONSE, "needs a server with a key (ML_GUARD_LLM_API_KEY), which seals ids for their project"
            )
        response_id, _, seal = str(sealed_id).rpartition(_SEPARATOR)
        if not hmac.compare_digest(seal.encode(), _seal_of(self._key, response_id, project_id).encode()):
            raise wrong_field(PREVIOUS_RESPONSE, "is no id of a response that this project has received")
        return response_id


def _seal_of(key: bytes, response_id: str, project_id: str) -> str:
    text = f"{len(project_id)} {project_id} {response_id}"
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:_HEX_DIGITS]
