"""What a question may say, and what its answer says."""

import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from guard_core.ids import is_id
from serving.assistant.knowledge.passages import Retrieval
from serving.http.problems import Unprocessable

QUESTION_MOST = 4_000
TOP_K_MOST = 20


class QueryRequest(msgspec.Struct, forbid_unknown_fields=True):
    """A question; `grounded` wants nothing said that no source bears."""

    question: Annotated[str, Meta(extra_json_schema={"minLength": 1, "maxLength": QUESTION_MOST})]
    grounded: Annotated[bool, Meta(description="Say nothing that no source bears.")] = True
    stream: Annotated[bool, Meta(description="Answer with server-sent events.")] = False
    project_id: (
        Annotated[
            str,
            Meta(
                description="Project that it counts for, and whose policy holds; the key's own if none.",
                extra_json_schema={"minLength": 1, "maxLength": 128},
            ),
        ]
        | None
    ) = None
    top_k: Annotated[int, Meta(extra_json_schema={"minimum": 1, "maximum": TOP_K_MOST})] = 5


@dataclass(frozen=True, slots=True)
class Citation:
    """What bears a sentence of an answer.

    Attributes
    ----------
    n : its number in the answer, `[n]`: the place of its passage among those that were found, from 1.
    quote : from the passage, letter by letter.
    score : of the passage in the search; comparable within one answer only.
    verified : whether the quote stands in the source as it is shown here; not where the policy has taken something out.
    """

    n: int
    source: str
    title: str
    section: str
    page: int | None
    quote: str
    score: float
    similarity: float | None
    verified: bool
    chunk_id: str


@dataclass(frozen=True, slots=True)
class Tokens:
    """What an answer took; cached ones are part of `input`, reasoning is part of `output`."""

    input: int
    cached: int
    output: int
    reasoning: int
    estimated: bool


@dataclass(frozen=True, slots=True)
class QueryAnswer:
    """An answer, or that the sources do not give one.

    Attributes
    ----------
    declined : whether the sources do not answer.
    retrieval : `lexical` where the search went by words alone, `empty` where there is nothing to search.
    cost_usd : None where the price is not known.
    prompt : `name@version` of the template; None without a model.
    flags : rules of the policy that were met, and faults of the model that were kept back.
    """

    answer: str
    citations: tuple[Citation, ...]
    declined: bool
    retrieval: Retrieval
    model: str
    prompt: str | None
    tokens: Tokens
    cost_usd: float | None
    flags: tuple[str, ...]
    request_id: str


Event = tuple[Literal["text", "citations", "answer"], Any]
"""A part of a streamed answer: its name and what it says."""

_decode = msgspec.json.Decoder(QueryRequest).decode


def read_request(body: bytes) -> QueryRequest:
    """The question of a body.

    Raises
    ------
    Unprocessable
        Naming the field and what it must be.
    """
    try:
        request = _decode(body)
    except msgspec.ValidationError as error:
        place = re.search(r"at `\$\.(.*?)`$", str(error)) or re.search(r"field `(.*?)`", str(error))
        raise _wrong(place[1] if place else "body", str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unprocessable(f"The body is not JSON: {error}.") from None
    if not 1 <= len(request.question.strip()) <= QUESTION_MOST:
        raise _wrong("question", f"must have 1 to {QUESTION_MOST} characters")
    if not 1 <= request.top_k <= TOP_K_MOST:
        raise _wrong("top_k", f"must be from 1 to {TOP_K_MOST}")
    if request.project_id is not None and not is_id(request.project_id):
        raise _wrong("project_id", "is not the id of a project")
    return request


def _wrong(field: str, reason: str) -> Unprocessable:
    return Unprocessable(f"{field}: {reason}.", errors=[{"field": field, "reason": reason}])
