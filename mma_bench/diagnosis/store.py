"""The folder of a diagnosis: what was asked of whom, and one table per part and stimulus until all are there."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ConfigDict

from mma_bench.diagnosis.registry import Part, Row, schema_of
from mma_bench.errors import MMABenchError
from mma_bench.evaluation.run_folder import read_head, write_head
from mma_bench.files.atomic import atomic_path
from mma_bench.schema import Checked

if TYPE_CHECKING:
    import pyarrow as pa

HEAD = "diagnosis.json"
WORK = "measured"
"""Folder of the tables of single stimuli, from which an interrupted diagnosis resumes."""

FORMAT = 1
"""Raised when a part measures something else under the same name."""


class Diagnosis(Checked):
    """What was asked of whom: the head of the folder.

    Attributes:
        model_fingerprint: see `mma_bench.models.Model.fingerprint`.
        protocol: name of the protocol whose questions are asked.
        layers: number of layers of the language model.
        heads: number of attention heads per layer.
        clips: number of clips.
        questions: number of questions.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: int = FORMAT
    model: str
    model_fingerprint: dict[str, str]
    data: str
    data_sha256: str
    split: str
    conditions: list[str]
    protocol: str
    protocol_sha256: str
    seed: int
    limit: int | None
    parts: list[str]
    layers: int
    heads: int
    clips: int
    questions: int
    mma_bench: str

    @property
    def identity(self) -> tuple[Any, ...]:
        """What must not change while stimuli are added."""
        fingerprint = sorted(self.model_fingerprint.items())
        return (self.format, self.model, fingerprint, self.data_sha256, self.split, sorted(self.conditions),
                self.protocol_sha256, self.seed)  # fmt: skip


def open_diagnosis(folder: Path) -> Diagnosis:
    """Return the head of a diagnosis.

    Raises:
        MMABenchError: there is none.
    """
    found = read_head(folder, HEAD, Diagnosis, what="a diagnosis")
    if found is None:
        raise MMABenchError(f"{folder} is not a diagnosis; make one with `mma-bench diagnose --run {folder}`")
    return found


class Store:
    """The tables of a diagnosis.

    Args:
        folder: of the diagnosis.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def check(self, head: Diagnosis) -> None:
        """Check that the folder is new or holds the same diagnosis.

        Raises:
            MMABenchError: it holds something else.
        """
        earlier = read_head(self.folder, HEAD, Diagnosis, what="a diagnosis")
        if earlier and earlier.identity != head.identity:
            raise MMABenchError(
                f"{self.folder} holds a diagnosis of {earlier.model} about {earlier.data}, of another model, version, "
                "setting, condition, protocol, seed or state of the data; choose another --run, or --overwrite to "
                "measure everything again"
            )

    def begin(self, head: Diagnosis, *, overwrite: bool) -> None:
        """Write the head; a finished part of the same diagnosis stays listed.

        Raises:
            MMABenchError: as `check`.
        """
        if overwrite:
            if (self.folder / HEAD).is_file():
                self._discard()
        else:
            self.check(head)
            earlier = read_head(self.folder, HEAD, Diagnosis, what="a diagnosis")
            if earlier:
                head = head.changed(parts=list(dict.fromkeys([*earlier.parts, *head.parts])))
        write_head(self.folder, HEAD, head.model_dump(mode="json"))

    def has(self, part: Part, key: str) -> bool:
        """Return whether a stimulus was measured."""
        return self._place(part, key).is_file()

    def put(self, part: Part, key: str, rows: Iterable[Row]) -> None:
        """Keep the rows about a stimulus; there may be none."""
        import pyarrow as pa

        self._write(self._place(part, key), pa.Table.from_pylist(list(rows), schema=schema_of(type(part))))

    def gather(self, part: Part, keys: Sequence[str]) -> "pa.Table":
        """Return the rows about all stimuli in the order of ``keys``, and write them as `{part}.parquet`.

        Raises:
            MMABenchError: a table is damaged.
        """
        import pyarrow as pa

        schema = schema_of(type(part))
        tables = [schema.empty_table(), *(self._read(self._place(part, key), schema) for key in keys)]
        table = pa.concat_tables(tables).combine_chunks()
        self._write(self.folder / f"{part.name}.parquet", table)
        return table

    def finished(self, kind: type[Part]) -> "pa.Table | None":
        """Return the table of a part, if it is finished.

        Raises:
            MMABenchError: it is damaged.
        """
        path = self.folder / f"{kind.name}.parquet"
        return self._read(path, schema_of(kind)) if path.is_file() else None

    def estimates(self) -> "pa.Table":
        """Return all numbers.

        Raises:
            MMABenchError: the diagnosis is not finished, or the table is damaged.
        """
        return self._read(self.folder / "estimates.parquet", None)

    def write(self, name: str, table: "pa.Table") -> None:
        """Write a table as `{name}.parquet`."""
        self._write(self.folder / f"{name}.parquet", table)

    def _place(self, part: Part, key: str) -> Path:
        return self.folder / WORK / "-".join(filter(None, (part.name, part.state))) / f"{key}.parquet"

    def _read(self, path: Path, schema: "pa.Schema | None") -> "pa.Table":
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            return pq.read_table(path, schema=schema)
        except (OSError, pa.ArrowException, ValueError) as error:
            raise MMABenchError(f"{path} cannot be read; delete it and run the same command again") from error

    def _write(self, path: Path, table: "pa.Table") -> None:
        import pyarrow.parquet as pq

        with atomic_path(path) as temporary:
            pq.write_table(table, temporary, compression="zstd")

    def _discard(self) -> None:
        import shutil

        shutil.rmtree(self.folder / WORK, ignore_errors=True)
        for path in [*self.folder.glob("*.parquet"), self.folder / "index.html"]:
            path.unlink(missing_ok=True)
