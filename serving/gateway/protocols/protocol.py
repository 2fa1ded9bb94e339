"""What a protocol of language models does: for callers, whose requests it reads, and for servers, whose answers it reads.

Chat completions stand in the middle: content policy and usage know no other protocol. A request reaches a server of its
own protocol unchanged but for the policy; for another one it is translated by way of chat completions.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from guard_store.spending.amounts import Amount
from serving.gateway.prompts.template import Prompt
from serving.gateway.upstreams.events import Events
from serving.http.problems import Problem


@dataclass(slots=True)
class ModelRequest:
    """A validated request.

    Attributes
    ----------
    body : in the caller's protocol; a server of another one is sent a translation.
    stream : whether the answer is streamed.
    wants_usage : whether a stream is to report its usage.
    tokens_out : upper bound of the answer's tokens.
    prompt : template that was placed before the messages.
    seal : makes the id of a response one that only the caller's project can refer to.
    """

    protocol: "Protocol"
    body: dict[str, Any]
    model: str
    stream: bool
    wants_usage: bool
    tokens_out: int
    prompt: Prompt | None = None
    seal: Callable[[str], str] = str


class EventWriter(ABC):
    """Writes the chunks of a streamed chat completion, already checked by the policy, as events of a caller's protocol."""

    keep_alive: ClassVar[bytes]
    """What is sent while the server is alive but has nothing to say."""
    keeps_order: ClassVar[bool]
    """Whether a text must be complete before the next one begins, as in protocols whose answers are lists of blocks."""

    @abstractmethod
    def write(self, chunk: dict[str, Any]) -> bytes:
        """Return the events of a chunk; empty if they wait for more."""

    @abstractmethod
    def end(self, usage: Amount) -> bytes:
        """Return the last events of a stream that has ended well."""

    @abstractmethod
    def format_error(self, problem: Problem) -> bytes:
        """Return the event that reports a problem as the last of the stream; the same each time, because the ledger has its hash."""


class Protocol(ABC):
    """A protocol of language models.

    Attributes
    ----------
    name : as in the settings.
    path : of the route that answers, below the base URL.
    prompt_fields : fields of a request that count as its prompt.
    schema_fields : fields of a request with JSON schemas, whose numbers are bounds and defaults.
    end_user_paths : paths of the fields that may name the end user; the first that does counts.
    """

    name: ClassVar[str]
    path: ClassVar[str]
    prompt_fields: ClassVar[tuple[str, ...]]
    schema_fields: ClassVar[tuple[str, ...]]
    end_user_paths: ClassVar[tuple[tuple[str, ...], ...]]

    @abstractmethod
    def headers(self, host: str, key: str | None) -> dict[str, str]:
        """Return the headers of requests to a server, with its key."""

    @abstractmethod
    def read_request(self, body: dict[str, Any], *, default_model: str | None, most_out: int) -> ModelRequest:
        """Validate a caller's request.

        Parameters
        ----------
        default_model : model of requests that name none.
        most_out : tokens of an answer if the request sets no maximum.

        Raises
        ------
        Unprocessable
            If a field is wrong, or asks for what the policy cannot judge; the message names it.
        """

    @abstractmethod
    def request_to_chat(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Translate a request to chat completions.

        Raises
        ------
        Unprocessable
            If a part of it has no counterpart there; the message names it.
        """

    @abstractmethod
    def request_from_chat(self, body: Mapping[str, Any], max_tokens: int) -> dict[str, Any]:
        """Translate a request of chat completions; raises as `request_to_chat`.

        Parameters
        ----------
        max_tokens : of the answer if the request sets no maximum and the protocol requires one.
        """

    @abstractmethod
    def answer_to_chat(self, answer: dict[str, Any]) -> dict[str, Any]:
        """Translate a server's whole answer to a chat completion; an error stays what it is."""

    @abstractmethod
    def answer_from_chat(self, answer: dict[str, Any], request: ModelRequest, usage: Amount) -> dict[str, Any]:
        """Translate a chat completion to the whole answer to a request; `usage` is what it has used."""

    @abstractmethod
    def events(self) -> Events:
        """Return a reader of a server's stream, whose events are those of chat completions."""

    @abstractmethod
    def writer(self, request: ModelRequest, tokens_in: int) -> EventWriter:
        """Return a writer of the streamed answer to a request; `tokens_in` is the estimate of its prompt."""


class TranslatedProtocol(Protocol):
    """A protocol other than chat completions; its whole answers reach its own callers unchanged but for the policy.

    Attributes
    ----------
    server_fields : fields of an answer that the server writes, not the model.
    count_path : of the route that counts the tokens of a prompt, below the base URL.
    """

    server_fields: ClassVar[frozenset[str]]
    count_path: ClassVar[str]

    @abstractmethod
    def read_prompt(self, body: dict[str, Any], *, default_model: str | None) -> ModelRequest:
        """Validate a prompt whose tokens are to be counted; raises as `read_request`."""

    @abstractmethod
    def format_count(self, tokens: int) -> dict[str, Any]:
        """Return the answer with the tokens of a prompt."""

    def own_answer(self, answer: dict[str, Any], request: ModelRequest) -> dict[str, Any]:  # noqa: ARG002
        """Return a checked answer of a server of this protocol as the caller of a request gets it."""
        return answer

    @abstractmethod
    def withhold(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        """Return a whole answer without its content, for one that the policy withholds."""
