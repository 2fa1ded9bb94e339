"""Qdrant as an index of the table of chunks, in this process or on a server: the same code for both.

Each version of the table is a collection, and an alias names the one that is searched. Several processes may load a version
into a server at the same time: they write the same points, and the last of them finds all of them there.
"""

import logging
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from guard_store.knowledge.store import TableVersion
from ml.knowledge.sparse_vectors import Words
from ml.knowledge.tables import text_to_embed
from serving.assistant.knowledge.passages import Passage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from qdrant_client import QdrantClient, models

_log = logging.getLogger(__name__)
_ALIAS = "ml_guard_knowledge"
_MEANING, _WORDS = "meaning", "words"
_SHOWN = ("source", "title", "section", "page", "place", "text")
_BATCH = 128
_TIMEOUT_S = 30
_MIN_RANKED = 20


class StoppedError(Exception):
    """Loading stopped because the process ends."""


class IndexUnavailableError(Exception):
    """The server of the index does not answer, or refuses a request; guests may read the text, and the cause holds the rest."""


def open_client(url: str | None, api_key: str | None) -> "QdrantClient":
    """Open a client of a server, or of an index in this process if `url` is None."""
    from qdrant_client import QdrantClient

    if url is None:
        return QdrantClient(":memory:")
    return QdrantClient(url=url, api_key=api_key, timeout=_TIMEOUT_S, check_compatibility=False)


@contextmanager
def _translate_errors() -> Iterator[None]:
    from qdrant_client.common.client_exceptions import QdrantException
    from qdrant_client.http.exceptions import ApiException

    try:
        yield
    except (ApiException, QdrantException) as error:
        raise IndexUnavailableError(_reason(error)) from error


def _reason(error: Exception) -> str:
    from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

    if isinstance(error, ResponseHandlingException):
        return f"Qdrant does not answer ({type(error.source).__name__}): start it, or correct ML_GUARD_KNOWLEDGE_QDRANT_URL"
    status = error.status_code if isinstance(error, UnexpectedResponse) else HTTPStatus.TOO_MANY_REQUESTS
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return f"Qdrant refuses the key ({status}): correct ML_GUARD_KNOWLEDGE_QDRANT_API_KEY"
    return f"Qdrant refuses the request ({status:d})"


class Index:
    """The searchable chunks; threads may search while another one loads a newer version.

    Its methods raise `IndexUnavailableError` if the server does not answer, or refuses a request.

    Parameters
    ----------
    should_continue : checked between batches; loading stops once it returns False.
    """

    def __init__(self, client: "QdrantClient", should_continue: Callable[[], bool] = lambda: True) -> None:
        self._client = client
        self._words = Words()
        self._should_continue = should_continue

    def close(self) -> None:
        """Close the client; an index in this process is lost."""
        self._client.close()

    @_translate_errors()
    def serves(self, version: TableVersion) -> bool:
        """Return whether searches use this version, or a newer one that another process loaded."""
        current = self._target()
        same_table = current is not None and current.rpartition("-")[0] == _collection(version).rpartition("-")[0]
        return same_table and current is not None and int(current.rpartition("-")[2]) >= version.number

    @_translate_errors()
    def load(self, version: TableVersion, rows: pa.Table) -> None:
        """Fill a collection from the rows of `ml.knowledge.tables.EMBEDDINGS`, switch searches to it, and delete older ones.

        Raises
        ------
        StoppedError
            If the process ends meanwhile.
        """
        if self.serves(version):
            return
        try:
            self._fill(_collection(version), rows)
            self._switch_to(_collection(version))
        except Exception:
            if not self.serves(
                version
            ):  # else another process was faster, and deleted the collection that this one was filling
                raise

    @_translate_errors()
    def search(self, question: str, vector: "NDArray[np.float32] | None", top_k: int) -> list[Passage]:
        """Return the best chunks by the fused ranks of words and, given the question's vector, of meaning."""
        from qdrant_client import models

        depth = max(_MIN_RANKED, 4 * top_k)
        indices, values = self._words.of_question(question)
        ranked: list[models.Prefetch] = []
        if indices:
            words = models.SparseVector(indices=indices, values=values)
            ranked.append(models.Prefetch(query=words, using=_WORDS, limit=depth))
        if vector is not None:
            ranked.append(models.Prefetch(query=vector.tolist(), using=_MEANING, limit=depth))
        if not ranked:
            return []
        response = self._client.query_points(
            _ALIAS,
            prefetch=ranked,
            query=models.FusionQuery(fusion=models.Fusion.RRF),
            limit=top_k,
            with_payload=True,
            with_vectors=[] if vector is None else [_MEANING],
        )
        return [_passage(point.payload or {}, point.score, _cosine(point.vector, vector)) for point in response.points]

    @_translate_errors()
    def document(self, source: str) -> list[Passage]:
        """Return all chunks of a source, in order."""
        from qdrant_client import models

        condition = models.FieldCondition(key="source", match=models.MatchValue(value=source))
        passages: list[Passage] = []
        offset: Any = None
        while True:
            records, offset = self._client.scroll(
                _ALIAS, scroll_filter=models.Filter(must=[condition]), limit=_BATCH, offset=offset
            )
            passages += [_passage(record.payload or {}, 0.0, None) for record in records]
            if offset is None:
                return sorted(passages, key=lambda passage: passage.place)

    def _target(self) -> str | None:
        aliases = self._client.get_aliases().aliases
        return next((alias.collection_name for alias in aliases if alias.alias_name == _ALIAS), None)

    def _fill(self, name: str, rows: pa.Table) -> None:
        if not self._client.collection_exists(name):
            self._create(name, rows)
        if self._client.count(name).count == len(rows):
            return
        for points in self._points(rows):
            if not self._should_continue():
                raise StoppedError
            self._client.upsert(name, points, wait=True)

    def _create(self, name: str, rows: pa.Table) -> None:
        from qdrant_client import models

        size = _dimension(rows)
        meaning = models.VectorParams(size=size, distance=models.Distance.COSINE) if size else None
        try:
            self._client.create_collection(
                name,
                vectors_config={_MEANING: meaning} if meaning else {},
                sparse_vectors_config={_WORDS: models.SparseVectorParams(modifier=models.Modifier.IDF)},
            )
        except Exception:
            if not self._client.collection_exists(name):  # else another process was faster
                raise

    def _points(self, rows: pa.Table) -> Iterator[list["models.PointStruct"]]:
        from qdrant_client import models

        for batch in rows.to_batches(max_chunksize=_BATCH):
            chunks = batch.to_pylist()
            weights = self._words.of_texts(text_to_embed(chunk) for chunk in chunks)
            points: list[models.PointStruct] = []
            for chunk, (indices, values) in zip(chunks, weights, strict=True):
                vectors: dict[str, Any] = {_WORDS: models.SparseVector(indices=indices, values=values)}
                if chunk["vector"] is not None:
                    vectors[_MEANING] = chunk["vector"]
                payload = {name: chunk[name] for name in ("chunk_id", *_SHOWN)}
                points.append(models.PointStruct(id=_point_id(chunk["chunk_id"]), vector=vectors, payload=payload))
            yield points

    def _switch_to(self, name: str) -> None:
        from qdrant_client import models

        before = self._target()
        operations: list[Any] = []
        if before is not None:
            operations.append(models.DeleteAliasOperation(delete_alias=models.DeleteAlias(alias_name=_ALIAS)))
        create = models.CreateAlias(collection_name=name, alias_name=_ALIAS)
        operations.append(models.CreateAliasOperation(create_alias=create))
        self._client.update_collection_aliases(operations)
        for collection in self._client.get_collections().collections:
            if _is_older(collection.name, name):
                self._client.delete_collection(collection.name)
                _log.info("deleted %s: searches now use %s", collection.name, name)


def _collection(version: TableVersion) -> str:
    return f"{_ALIAS}-{version.table}-{version.number}"


def _is_older(name: str, current: str) -> bool:
    if not name.startswith(f"{_ALIAS}-") or name == current:
        return False
    (table, _, number), (current_table, _, current_number) = name.rpartition("-"), current.rpartition("-")
    return table != current_table or int(number) < int(current_number)


def _point_id(chunk_id: str) -> str:
    return str(uuid.UUID(chunk_id))


def _dimension(rows: pa.Table) -> int:
    first = next((vector for vector in rows["vector"][:1].to_pylist() if vector is not None), None)
    return len(first or ())


def _passage(payload: dict[str, Any], score: float, similarity: float | None) -> Passage:
    shown = {name: payload[name] for name in _SHOWN}
    return Passage(chunk_id=payload["chunk_id"], score=score, similarity=similarity, **shown)


def _cosine(stored: Any, vector: "NDArray[np.float32] | None") -> float | None:
    if vector is None or not isinstance(stored, dict) or _MEANING not in stored:
        return None
    import numpy as np

    meaning: Sequence[float] = stored[_MEANING]
    return float(np.dot(np.asarray(meaning, np.float32), vector))
