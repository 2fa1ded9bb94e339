"""The knowledge base of a running server: follows the table's newest version, and searches what it has.

Everything that takes time happens in threads. How the index works is `index`.
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
from serving.assistant.knowledge.model import Lazy, embedder_of, reranker_of
from serving.assistant.knowledge.passages import Found, KnowledgeState, Passage, Source
from serving.http.problems import Unavailable

if TYPE_CHECKING:  # they are imported by the thread that needs them first
    import pyarrow as pa

    from guard_store.knowledge.store import TableVersion
    from ml.knowledge.reading import Skipped
    from serving.assistant.knowledge.index import Index

_log = logging.getLogger(__name__)
_POLL_S = 2.0
_POLLS_AFTER_FAILURE = 5
_RERANKED = 20


class Table(Protocol):
    """Where the chunks come from."""

    def version(self) -> "TableVersion | None":
        """The newest version."""

    def read(self) -> "tuple[TableVersion, pa.Table] | None":
        """The newest version and its rows."""


@dataclass(frozen=True, slots=True)
class _Loaded:
    """The version that answers, and the model of its vectors."""

    version: "TableVersion"
    chunks: int
    sources: tuple[Source, ...]
    model: str | None
    model_hash: str | None


class KnowledgeService:
    """Searches the knowledge base; `table` is another one than that of the lake."""

    def __init__(self, settings: Settings, table: Table | None = None, poll_s: float = _POLL_S) -> None:
        self._settings = settings
        self._table = table
        self._poll_s = poll_s
        self._embedder = Lazy(lambda: embedder_of(settings))
        self._reranker = Lazy(lambda: reranker_of(settings))
        self._index: Index | None = None
        self._loaded: _Loaded | None = None
        self._state = KnowledgeState("loading", why="it is being loaded")
        self._ending = threading.Event()
        self._stopping = asyncio.Event()
        self._looked = asyncio.Event()
        self._looking = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to follow the table; searches wait for the first look."""
        self._task = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        """Stop following."""
        self._ending.set()
        self._stopping.set()
        if self._task is not None:
            await self._task
        if self._index is not None:
            await asyncio.to_thread(self._index.close)

    def state(self) -> KnowledgeState:
        """How it stands now."""
        return self._state

    async def search(self, question: str, top_k: int) -> Found:
        """The best passages for a question, from the newest version that is loaded.

        Raises
        ------
        Unavailable
            Where the index does not answer, or nothing could be loaded so far.
        """
        await self._looked.wait()
        if self._state.retrieval == "empty":  # it may have been built since the last look
            await self._look()
        return await asyncio.to_thread(self._search, question, top_k)

    async def similarities(self, question: str, texts: Sequence[str]) -> list[float] | None:
        """Cosine of each text with the question; None without an embedding model."""
        return await asyncio.to_thread(self._similarities, question, texts)

    async def document(self, source: str) -> tuple[Passage, ...]:
        """All chunks of a source in order; none where it is not known. Raises as `search`."""
        await self._looked.wait()
        return await asyncio.to_thread(self._document, source)

    async def sources(self) -> tuple[Source, ...]:
        """What the version that answers is made of."""
        await self._looked.wait()
        return () if self._loaded is None else self._loaded.sources

    async def skipped(self) -> "list[Skipped]":
        """Files that could not be read when the knowledge base was built last."""
        return await asyncio.to_thread(self._skipped)

    async def _follow(self) -> None:
        while not self._stopping.is_set():
            is_well = await self._look()
            self._looked.set()
            try:
                await asyncio.wait_for(self._stopping.wait(), self._poll_s * (1 if is_well else _POLLS_AFTER_FAILURE))
            except TimeoutError:
                continue

    async def _look(self) -> bool:
        async with self._looking:
            return await asyncio.to_thread(self._refresh)

    def _refresh(self) -> bool:
        from serving.assistant.knowledge.index import StoppedError

        try:
            self._bring_up_to_date()
        except StoppedError:
            return False
        except Exception as error:  # noqa: BLE001 - a lake, a server and a model fail in many ways; what is loaded goes on
            problem = f"the newest version cannot be loaded ({type(error).__name__})"
            if self._state.problem != problem:
                _log.error("the knowledge base cannot be brought up to date", exc_info=True)
            retrieval = "empty" if self._state.retrieval == "loading" else self._state.retrieval
            self._state = replace(self._state, retrieval=retrieval, why=problem, problem=problem)
            return False
        return True

    def _bring_up_to_date(self) -> None:
        table = self._open()
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
            raise FileNotFoundError("the table has gone")
        version, rows = read
        if not len(rows):
            return _Loaded(version, 0, (), None, None)
        self._opened_index().load(version, rows)
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
            its = loaded.model or "no model"
            why = problem = f"its vectors are of {its}, not of {embedder.name}, until it is built again"
        return KnowledgeState("lexical", number, loaded.chunks, None, why, problem)

    def _search(self, question: str, top_k: int) -> Found:
        state, index = self._state, self._index
        if index is None or not state.chunks:
            if state.problem is not None:
                raise Unavailable(f"The knowledge base: {state.problem}.")
            return Found((), "empty", state.version)
        embedder = self._embedder.get() if state.model else None
        reranker = self._reranker.get()
        vector = None if embedder is None else embedder.embed([question])[0]
        with _answering():
            passages = index.search(question, vector, top_k if reranker is None else max(top_k, _RERANKED))
        if reranker is not None:
            scores = reranker.scores(question, [passage.text for passage in passages])
            scored = [replace(passage, score=score) for passage, score in zip(passages, scores, strict=True)]
            passages = sorted(scored, key=lambda passage: -passage.score)[:top_k]
        return Found(tuple(passages), "lexical" if vector is None else "hybrid", state.version)

    def _document(self, source: str) -> tuple[Passage, ...]:
        if self._index is None or not self._state.chunks:
            return ()
        with _answering():
            return tuple(self._index.document(source))

    def _similarities(self, question: str, texts: Sequence[str]) -> list[float] | None:
        embedder = self._embedder.get()
        if embedder is None:
            return None
        vectors = embedder.embed([question, *texts])
        return [float(similarity) for similarity in vectors[1:] @ vectors[0]]

    def _skipped(self) -> "list[Skipped]":
        from guard_store.knowledge.store import KnowledgeStore
        from ml.knowledge.tables import list_skipped

        read = KnowledgeStore(self._settings.storage.lake).read("documents", ["source", "skipped"])
        return [] if read is None else list_skipped(read[1])

    def _open(self) -> Table:
        if self._table is None:
            from guard_store.knowledge.store import KnowledgeStore

            self._table = KnowledgeStore(self._settings.storage.lake)
        return self._table

    def _opened_index(self) -> "Index":
        if self._index is None:
            from serving.assistant.knowledge.index import Index, open_client

            key = self._settings.knowledge.qdrant_api_key
            client = open_client(self._settings.knowledge.qdrant_url, None if key is None else key.get_secret_value())
            self._index = Index(client, lambda: not self._ending.is_set())
        return self._index


@contextmanager
def _answering() -> Iterator[None]:
    from serving.assistant.knowledge.index import IndexUnavailableError

    try:
        yield
    except IndexUnavailableError as error:
        raise Unavailable("The knowledge base does not answer now.") from error
