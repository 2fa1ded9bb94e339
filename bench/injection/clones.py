"""Texts in git clones of public repositories, read at a fixed commit."""

import csv
import io
import json
import subprocess
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatch
from pathlib import Path

import msgspec
import pyarrow.parquet as pq

csv.field_size_limit(1 << 26)
Text = tuple[str, bool]
"""A text, and whether it is an attack."""

Reader = Callable[[bytes], Iterable[Text]]


class Source(msgspec.Struct, frozen=True):
    """Texts of a public repository.

    Attributes
    ----------
    paths : patterns of the files to read.
    most : files of each pattern; of more, a fixed sample is read.
    first : texts of each file, from its beginning.
    """

    name: str
    repository: str
    commit: str
    licence: str
    paths: Sequence[str]
    read: Reader
    most: int = 1_000
    first: int = 10_000

    def texts(self, clones: Path) -> list[Text]:
        """Read the texts from a directory of clones, without repetitions.

        Raises
        ------
        subprocess.CalledProcessError
            If the clone or its commit is missing.
        """
        clone = clones / self.repository
        files = _git(clone, "ls-tree", "-r", "-z", "--name-only", self.commit).decode().strip("\0").split("\0")
        texts: list[Text] = []
        for pattern in self.paths:
            matching = sorted(file for file in files if fnmatch(file, pattern))
            step = max(1, len(matching) // self.most)
            for file in matching[::step][: self.most]:
                texts += list(self.read(_git(clone, "show", f"{self.commit}:{file}")))[: self.first]
        return list(dict.fromkeys((text, is_attack) for text, is_attack in texts if text.strip()))


def _git(clone: Path, *arguments: str) -> bytes:
    return subprocess.run(["git", "-C", str(clone), *arguments], check=True, capture_output=True).stdout


def documents(content: bytes) -> Iterable[Text]:
    """Read a whole file as one harmless text."""
    yield content.decode("utf-8", "replace"), False


def json_texts(*, attack: bool, field: str | None = None) -> Reader:
    """Return a reader of a JSON list of texts, or of objects with a text in a field."""

    def read(content: bytes) -> Iterable[Text]:
        for item in json.loads(content):
            yield (item if field is None else item[field]), attack

    return read


def json_lines(*fields: str) -> Reader:
    """Return a reader of harmless objects, one a line, whose texts are in fields; a list's first object is read."""

    def read(content: bytes) -> Iterable[Text]:
        for line in content.decode().splitlines():
            yield "\n".join(_texts_in(json.loads(line), fields)), False

    return read


def _texts_in(item: object, fields: Sequence[str]) -> Iterable[str]:
    if isinstance(item, list) and item:
        yield from _texts_in(item[0], fields)
    if isinstance(item, dict):
        for key, value in item.items():
            if key in fields and isinstance(value, str):
                yield value
            elif key in fields:
                yield from _texts_in(value, fields)


def csv_column(column: str, label: str | None = None, attack: Sequence[str] = ()) -> Reader:
    """Return a reader of a column; without the column of a label, every text is an attack."""

    def read(content: bytes) -> Iterable[Text]:
        for row in csv.DictReader(io.StringIO(content.decode("utf-8", "replace"))):
            yield row[column], label is None or row[label] in attack

    return read


def csv_cells(content: bytes) -> Iterable[Text]:
    """Read every cell of a file without a header as an attack."""
    for row in csv.reader(io.StringIO(content.decode("utf-8", "replace"))):
        yield from ((cell, True) for cell in row)


def parquet_rows(content: bytes) -> Iterable[Text]:
    """Read rows of a text and a label."""
    for row in pq.read_table(io.BytesIO(content)).to_pylist():
        yield row["text"], bool(row["label"])


def pint_examples(content: bytes) -> Iterable[Text]:
    """Read the examples in the style of PINT among others of a JSON list."""
    for item in json.loads(content):
        if item["source"].startswith("PINT"):
            yield item["prompt"], bool(item["label"])
