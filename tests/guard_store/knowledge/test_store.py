"""The tables of the knowledge base are versioned, and its sources are listed and stamped."""

import os
from pathlib import Path

import pyarrow as pa
import pytest

from guard_store.knowledge.store import KnowledgeStore, Sources

ROWS = pa.table({"source": ["b", "a"], "place": [0, 0], "text": ["two", "one"]})


def test_what_is_stored_comes_back_in_order_with_its_version(tmp_path: Path) -> None:
    store = KnowledgeStore(str(tmp_path))
    assert store.version() is None
    assert store.read() is None
    version = store.replace("embeddings", ROWS)
    read = store.read()
    assert read is not None
    assert read[0] == version == store.version()
    assert read[1]["text"].to_pylist() == ["one", "two"]
    assert store.read("chunks") is None


def test_other_content_is_a_new_version_and_the_same_is_not(tmp_path: Path) -> None:
    store = KnowledgeStore(str(tmp_path))
    first = store.replace("chunks", ROWS)
    assert store.replace("chunks", ROWS.take([1, 0])) == first
    second = store.replace("chunks", ROWS.slice(0, 1))
    assert (second.table, second.number) == (first.table, first.number + 1)
    third = store.replace("chunks", ROWS.append_column("new", pa.array([None, "x"], pa.string())))
    assert third.number == 2


def test_a_table_made_anew_is_another_one(tmp_path: Path) -> None:
    first = KnowledgeStore(str(tmp_path / "a")).replace("chunks", ROWS)
    assert KnowledgeStore(str(tmp_path / "b")).replace("chunks", ROWS).table != first.table


def test_sources_are_named_below_their_folder_without_hidden_ones(tmp_path: Path) -> None:
    for name in ("b.md", "sub/a.md", ".git/config", "sub/.hidden.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    sources = Sources(str(tmp_path))
    assert sources.names() == ["b.md", "sub/a.md"]
    assert sources.read("sub/a.md") == b"sub/a.md"


def test_the_stamp_tells_of_new_changed_renamed_and_removed_files(tmp_path: Path) -> None:
    sources, file = Sources(str(tmp_path)), tmp_path / "a.md"
    stamps = [sources.stamp()]
    file.write_text("one")
    stamps.append(sources.stamp())
    os.utime(file, ns=(1, 1))
    stamps.append(sources.stamp())
    file.rename(tmp_path / "b.md")
    stamps.append(sources.stamp())
    assert len(set(stamps)) == 4
    (tmp_path / "b.md").unlink()
    assert sources.stamp() == stamps[0]


def test_a_folder_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Sources(str(tmp_path / "nowhere")).names()
