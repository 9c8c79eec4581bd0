"""Keeps text embeddings between runs: if all are known, neither torch nor the text model has to be loaded."""

import contextlib
import platform
import sqlite3
from collections.abc import Iterable
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from mma_bench.files.cache import cache_folder
from mma_bench.files.hashing import sha256_json

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_AT_A_TIME = 500


class EmbeddingStore:
    """Embeddings by text, in a file of the cache folder that any number of processes may use.

    The file belongs to one model, versions, processor and number of threads, because these determine the last bits. If
    the file cannot be used (a full disk, a read-only folder, damage), the store works without it.

    Args:
        model: hash of the weights and the tokenizer.
        threads: processor threads.
        width: values of an embedding.
    """

    def __init__(self, model: str, *, threads: int, width: int) -> None:
        versions = [version(name) for name in ("torch", "transformers", "tokenizers")]
        self._name = sha256_json([model, versions, threads, platform.machine(), _processor()])[:16]
        self._bytes = 4 * width

    def read(self, texts: Iterable[str]) -> "dict[str, NDArray[np.float32]]":
        """Return the known ones of ``texts``, each of shape [width]."""
        import numpy as np

        wanted, found = list(texts), {}
        with contextlib.suppress(sqlite3.Error, OSError):
            for start in range(0, len(wanted), _AT_A_TIME):
                part = wanted[start : start + _AT_A_TIME]
                marks = ",".join("?" * len(part))
                rows = self._file.execute(f"SELECT text, vector FROM embedding WHERE text IN ({marks})", part)  # noqa: S608
                found.update({text: np.frombuffer(row, "<f4") for text, row in rows if len(row) == self._bytes})
        return found

    def add(self, embeddings: "dict[str, NDArray[np.float32]]") -> None:
        """Keep ``embeddings``."""
        rows = [(text, row.astype("<f4").tobytes()) for text, row in embeddings.items()]
        with contextlib.suppress(sqlite3.Error, OSError), self._file:
            self._file.executemany("INSERT OR IGNORE INTO embedding VALUES (?, ?)", rows)

    @cached_property
    def _file(self) -> sqlite3.Connection:
        folder = cache_folder() / "cascade"
        folder.mkdir(parents=True, exist_ok=True)
        file = sqlite3.connect(folder / f"embeddings-{self._name}.sqlite", timeout=10, check_same_thread=False)
        file.execute("CREATE TABLE IF NOT EXISTS embedding (text TEXT PRIMARY KEY, vector BLOB NOT NULL)")
        return file


def _processor() -> str:
    """Return the processor's model and its abilities, as far as the system tells."""
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        names = ("model name", "flags", "Features")
        return "\n".join(dict.fromkeys(line for line in lines if line.startswith(names)))
    return platform.processor()
