"""The knowledge base of a running server: follows the newest version of the table, and searches the loaded one.

All slow work runs in threads. The index is in `index`.
"""

import asyncio
import logging
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from guard_core.settings import Settings
from serving.assistant.knowledge.model import Lazy, open_embedder, open_reranker
from serving.assistant.knowledge.passages import KnowledgeState, Passage, SearchResult, Source
from serving.http.problems import Unavailable

if TYPE_CHECKING:  # slow imports: left to the thread that needs them first
    import pyarrow as pa

    from guard_store.knowledge.store import TableVersion
    from ml.knowledge.reading import Skipped
    from serving.assistant.knowledge.index import Index

_log = logging.getLogger(__name__)
_POLL_S = 2.0
_POLLS_AFTER_FAILURE = 5
_RERANK_DEPTH = 20


class Table(Protocol):
    """The table of chunks."""

    def version(self) -> "TableVersion | None":
        """Return the newest version."""

    def read(self) -> "tuple[TableVersion, pa.Table] | None":
        """Return the newest version and its rows."""


@dataclass(frozen=True, slots=True)
class _Loaded:
    """The version that is searched, and the model of its vectors."""

    version: "TableVersion"
    chunks: int
    sources: tuple[Source, ...]
    model: str | None
    model_hash: str | None


class KnowledgeService:
    """Searches the knowledge base; `table` replaces that of the lake."""

    def __init__(self, settings: Settings, table: Table | None = None, poll_s: float = _POLL_S) -> None:
        self._settings = settings
        self._table = table
        self._poll_s = poll_s
        self._embedder = Lazy(lambda: open_embedder(settings))
        self._reranker = Lazy(lambda: open_reranker(settings))
        self._index: Index | None = None
        self._loaded: _Loaded | None = None
        self._state = KnowledgeState("loading", why="it is being loaded")
        self._ending = threading.Event()
        self._stopping = asyncio.Event()
        self._checked = asyncio.Event()
        self._checking = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start following the table; searches wait for the first check."""
        self._task = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        """Stop following the table, close the index, and release the models."""
        self._ending.set()
        self._stopping.set()
        if self._task is not None:
            await self._task
        if self._index is not None:
            await asyncio.to_thread(self._index.close)
            self._index = None
        self._embedder.unload()
        self._reranker.unload()

    def state(self) -> KnowledgeState:
        """Return the present state."""
        return self._state

    async def search(self, question: str, top_k: int) -> SearchResult:
        """Return the best passages for a question, from the loaded version.

        Raises
        ------
        Unavailable
            If the index does not answer, or no version could be loaded yet.
        """
        await self._checked.wait()
        if self._state.retrieval == "empty":  # it may have been built since the last check
            await self._check()
        return await asyncio.to_thread(self._search, question, top_k)

    async def similarities(self, question: str, texts: Sequence[str]) -> list[float] | None:
        """Return the cosine of each text with the question; None without an embedding model."""
        return await asyncio.to_thread(self._similarities, question, texts)

    async def document(self, source: str) -> tuple[Passage, ...]:
        """Return all chunks of a source in order; none if the source is unknown. Raises as `search`."""
        await self._checked.wait()
        return await asyncio.to_thread(self._document, source)

    async def sources(self) -> tuple[Source, ...]:
        """Return the sources of the loaded version."""
        await self._checked.wait()
        return () if self._loaded is None else self._loaded.sources

    async def skipped(self) -> "list[Skipped]":
        """Return the files that could not be read, or not as a whole, when the knowledge base was last built."""
        return await asyncio.to_thread(self._skipped)

    async def _follow(self) -> None:
        while not self._stopping.is_set():
            succeeded = await self._check()
            self._checked.set()
            try:
                await asyncio.wait_for(self._stopping.wait(), self._poll_s * (1 if succeeded else _POLLS_AFTER_FAILURE))
            except TimeoutError:
                continue

    async def _check(self) -> bool:
        async with self._checking:
            return await asyncio.to_thread(self._refresh)

    def _refresh(self) -> bool:
        from serving.assistant.knowledge.index import IndexUnavailableError, StoppedError

        try:
            self._bring_up_to_date()
        except StoppedError:
            return False
        except Exception as error:  # noqa: BLE001 - a lake, a server and a model fail in many ways; the loaded version stays in use
            reason = str(error) if isinstance(error, IndexUnavailableError) else type(error).__name__
            problem = f"the newest version cannot be loaded ({reason})"
            if self._state.problem != problem:
                _log.error("the knowledge base cannot be brought up to date", exc_info=True)
            retrieval = "empty" if self._state.retrieval == "loading" else self._state.retrieval
            self._state = replace(self._state, retrieval=retrieval, why=problem, problem=problem)
            return False
        return True

    def _bring_up_to_date(self) -> None:
        table = self._open_table()
        newest = table.version()
        if newest is None:
            self._loaded, self._state = None, KnowledgeState("empty", why="it has not been built yet")
            return
        loaded = self._loaded
        if loaded is None or loaded.version != newest or not (self._index is None or self._index.serves(newest)):
            loaded = self._load(table)
        self._state = self._state_of(loaded)
        self._loaded = loaded

    def _load(self, table: Table) -> _Loaded:
        read = table.read()
        if read is None:
            raise FileNotFoundError("the table was deleted")
        version, rows = read
        if not len(rows):
            return _Loaded(version, 0, (), None, None)
        self._open_index().load(version, rows)
        counted = Counter(zip(rows["source"].to_pylist(), rows["title"].to_pylist(), strict=True))
        sources = tuple(Source(*names, chunks) for names, chunks in counted.items())
        return _Loaded(version, len(rows), sources, rows["model"][0].as_py(), rows["model_hash"][0].as_py())

    def _state_of(self, loaded: _Loaded) -> KnowledgeState:
        number = loaded.version.number
        if not loaded.chunks:
            return KnowledgeState("empty", number, why="its sources have no text that can be read")
        embedder = self._embedder.get()
        self._reranker.get()
        problem = self._reranker.problem
        if self._settings.knowledge.embedding_model == "none":
            why = "ML_GUARD_KNOWLEDGE_EMBEDDING_MODEL is none"
        elif embedder is None:
            why = problem = self._embedder.problem or "the embedding model is not loaded"
        elif embedder.hash == loaded.model_hash:
            return KnowledgeState("hybrid", number, loaded.chunks, embedder.name, problem=problem)
        else:
            loaded_model = loaded.model or "no model"
            why = problem = f"its vectors are of {loaded_model}, not of {embedder.name}, until it is built again"
        return KnowledgeState("lexical", number, loaded.chunks, None, why, problem)

    def _search(self, text: str, top_k: int) -> SearchResult:
        from ml.knowledge.normalization import normalize_text

        question = normalize_text(text)
        state, index = self._state, self._index
        if index is None or not state.chunks:
            if state.problem is not None:
                raise Unavailable(f"The knowledge base: {state.problem}.")
            return SearchResult((), "empty", state.version)
        embedder = self._embedder.get() if state.model else None
        reranker = self._reranker.get()
        vector = None if embedder is None else embedder.embed([question])[0]
        with _translate_errors():
            passages = index.search(question, vector, top_k if reranker is None else max(top_k, _RERANK_DEPTH))
        if reranker is not None:
            scores = reranker.scores(question, [passage.text for passage in passages])
            scored = [replace(passage, score=score) for passage, score in zip(passages, scores, strict=True)]
            passages = sorted(scored, key=lambda passage: -passage.score)[:top_k]
        return SearchResult(tuple(passages), "lexical" if vector is None else "hybrid", state.version)

    def _document(self, source: str) -> tuple[Passage, ...]:
        if self._index is None or not self._state.chunks:
            return ()
        with _translate_errors():
            return tuple(self._index.document(source))

    def _similarities(self, question: str, texts: Sequence[str]) -> list[float] | None:
        from ml.knowledge.normalization import normalize_text

        embedder = self._embedder.get()
        if embedder is None:
            return None
        vectors = embedder.embed([normalize_text(question), *texts])
        return [float(similarity) for similarity in vectors[1:] @ vectors[0]]

    def _skipped(self) -> "list[Skipped]":
        from guard_store.knowledge.store import KnowledgeStore
        from ml.knowledge.tables import list_skipped

        read = KnowledgeStore(self._settings.storage.lake).read("documents", ["source", "skipped"])
        return [] if read is None else list_skipped(read[1])

    def _open_table(self) -> Table:
        if self._table is None:
            from guard_store.knowledge.store import KnowledgeStore

            self._table = KnowledgeStore(self._settings.storage.lake)
        return self._table

    def _open_index(self) -> "Index":
        if self._index is None:
            from serving.assistant.knowledge.index import Index, open_client

            key = self._settings.knowledge.qdrant_api_key
            client = open_client(self._settings.knowledge.qdrant_url, None if key is None else key.get_secret_value())
            self._index = Index(client, lambda: not self._ending.is_set())
        return self._index


@contextmanager
def _translate_errors() -> Iterator[None]:
    from serving.assistant.knowledge.index import IndexUnavailableError

    try:
        yield
    except IndexUnavailableError as error:
        raise Unavailable(f"The knowledge base does not answer now: {error}.") from error
