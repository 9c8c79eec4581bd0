"""The folder of a diagnosis: what was asked of whom, and one table per part and stimulus until all are there."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ConfigDict, Field

from mma_bench.diagnosis.measuring_code import code_of
from mma_bench.diagnosis.registry import Part, Row, schema_of
from mma_bench.errors import MMABenchError
from mma_bench.evaluation.run_folder import read_head, write_head
from mma_bench.files.atomic import atomic_path
from mma_bench.schema import Checked, Modality

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

HEAD, ESTIMATES, PAGE = "diagnosis.json", "estimates.parquet", "index.html"
WORK = "measured"
"""Folder of the tables of single stimuli, from which an interrupted diagnosis resumes."""

FORMAT = 2
"""Raised when a part measures something else under the same name."""

_ROWS_AT_ONCE = 500_000


class Diagnosis(Checked):
    """What was asked of whom: the head of the folder.

    Attributes:
        model_fingerprint: see `mma_bench.models.Model.fingerprint`.
        protocol: name of the protocol whose questions are asked.
        layers: number of layers of the language model.
        heads: number of attention heads per layer.
        parts: parts that were asked for, now or earlier.
        options: settings of the model that were given.
        against: folder of the diagnosis that the page shows next to this one.
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
    options: dict[str, str] = Field(default_factory=dict)
    against: str | None = None
    layers: int
    heads: int
    clips: int
    questions: int
    mma_bench: str

    @property
    def identity(self) -> tuple[Any, ...]:
        """What must not change while stimuli are added."""
        return self.format, self.model, sorted(self.model_fingerprint.items()), self.seed, *self.selection

    @property
    def selection(self) -> tuple[Any, ...]:
        """Whose questions are asked, up to the number of stimuli."""
        return self.data_sha256, self.split, sorted(self.conditions), self.protocol_sha256

    @property
    def of_settings(self) -> "Diagnosis":
        """The same with the settings of the model alone, as far as it is known before the weights are loaded."""
        known = {name: value for name, value in self.model_fingerprint.items() if name.startswith("setting ")}
        return self.changed(model_fingerprint=known)


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

    def check(self, head: Diagnosis, *, overwrite: bool, loaded: bool = True) -> None:
        """Check that the folder is new or holds the same diagnosis.

        Args:
            head: what is asked of whom.
            overwrite: whether it may hold another diagnosis.
            loaded: whether the fingerprint is that of the loaded model, not of its settings alone.

        Raises:
            MMABenchError: it holds something else.
        """
        if overwrite and (self.folder / HEAD).is_file():
            return
        earlier = read_head(self.folder, HEAD, Diagnosis, what="a diagnosis")
        if earlier and (earlier if loaded else earlier.of_settings).identity != head.identity:
            raise MMABenchError(
                f"{self.folder} holds a diagnosis of {earlier.model} about {earlier.data}, of another model, version, "
                "setting, condition, protocol, seed or state of the data; choose another --run, or --overwrite to "
                "measure everything again"
            )

    def begin(self, head: Diagnosis, *, overwrite: bool) -> Diagnosis:
        """Write the head; parts that were asked for earlier stay listed.

        The page and the numbers of an earlier command are removed if this one asks for anything else: until it ends,
        they would belong to another head. What was measured stays.

        Returns:
            The head with all parts.

        Raises:
            MMABenchError: as `check`.
        """
        self.check(head, overwrite=overwrite)
        if overwrite and (self.folder / HEAD).is_file():
            self._discard()
        else:
            earlier = read_head(self.folder, HEAD, Diagnosis, what="a diagnosis")
            if earlier:
                head = head.changed(parts=list(dict.fromkeys([*earlier.parts, *head.parts])))
            if head != earlier:
                self._remove(ESTIMATES, PAGE)
        write_head(self.folder, HEAD, head.model_dump(mode="json"))
        return head

    @property
    def is_finished(self) -> bool:
        """Whether the numbers and the page are those of the head."""
        return all((self.folder / name).is_file() for name in (ESTIMATES, PAGE))

    def has(self, part: Part, name: str) -> bool:
        """Return whether the stimulus called ``name`` was measured; see `Asked.names`."""
        return self._place(part, name).is_file()

    def put(self, part: Part, name: str, rows: Iterable[Row]) -> None:
        """Keep the rows about a stimulus; there may be none."""
        import pyarrow as pa

        self._write(self._place(part, name), pa.Table.from_pylist(list(rows), schema=schema_of(type(part))))

    def read(self, part: Part, name: str) -> "pa.Table":
        """Return the rows about a stimulus.

        Raises:
            MMABenchError: the table is damaged.
        """
        return self._read(self._place(part, name), schema_of(type(part)))

    def gather(self, part: Part, names: Sequence[str]) -> "pa.Table":
        """Write the rows about all stimuli in the order of ``names`` as `{part}.parquet`.

        Returns:
            What the numbers need of them, see `Part.condense`; the rest is never in memory together.

        Raises:
            MMABenchError: a table is damaged.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        schema = schema_of(type(part))
        condensed, waiting = [part.condense(schema.empty_table())], list[pa.Table]()
        with (
            atomic_path(self.folder / f"{part.name}.parquet") as temporary,
            pq.ParquetWriter(temporary, schema, compression="zstd") as writer,
        ):
            for name in names:
                table = self.read(part, name)
                condensed.append(part.condense(table))
                waiting.append(table)
                if sum(map(len, waiting)) >= _ROWS_AT_ONCE:
                    _write_group(writer, waiting)
            _write_group(writer, waiting)
        return pa.concat_tables(condensed).combine_chunks()

    def finished(self, part: Part) -> "pa.Table | None":
        """Return what the numbers of a part need of its table, if it is there; see `gather`.

        Raises:
            MMABenchError: it is damaged.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = self.folder / f"{part.name}.parquet"
        if not path.is_file():
            return None
        with self._reading(path), pq.ParquetFile(path) as file:
            schema = schema_of(type(part))
            groups = (file.read_row_group(number).cast(schema) for number in range(file.num_row_groups))
            return pa.concat_tables([part.condense(schema.empty_table()), *map(part.condense, groups)])

    def forget(self, part: Part) -> None:
        """Remove the table of a part that is not measured for all stimuli; what was measured stays."""
        self._remove(f"{part.name}.parquet")

    def estimates(self) -> "pa.Table":
        """Return all numbers.

        Raises:
            MMABenchError: the diagnosis is not finished, or the table is damaged.
        """
        return self._read(self.folder / ESTIMATES, None)

    def write(self, file: str, table: "pa.Table") -> None:
        """Write a table."""
        self._write(self.folder / file, table)

    def _place(self, part: Part, name: str) -> Path:
        words = part.name, part.state, code_of(type(part))
        return self.folder / WORK / "-".join(filter(None, words)) / f"{name}.parquet"

    def _read(self, path: Path, schema: "pa.Schema | None") -> "pa.Table":
        import pyarrow.parquet as pq

        with self._reading(path):
            return pq.read_table(path, schema=schema)

    @contextmanager
    def _reading(self, path: Path) -> Iterator[None]:
        import pyarrow as pa

        try:
            yield
        except (OSError, pa.ArrowException, ValueError) as error:
            raise MMABenchError(f"{path} cannot be read; delete it and run the same command again") from error

    def _write(self, path: Path, table: "pa.Table") -> None:
        import pyarrow.parquet as pq

        with atomic_path(path) as temporary:
            pq.write_table(table, temporary, compression="zstd")

    def _discard(self) -> None:
        """Remove all that diagnoses write, and nothing else."""
        import shutil

        for folder in (WORK, "samples", "figures", "tables"):
            shutil.rmtree(self.folder / folder, ignore_errors=True)
        gains = [path for modality in Modality for path in self.folder.glob(f"head_gain_*_{modality}.json")]
        for path in [*self.folder.glob("*.parquet"), *gains]:
            path.unlink()
        self._remove(PAGE)

    def _remove(self, *names: str) -> None:
        for name in names:
            (self.folder / name).unlink(missing_ok=True)


def _write_group(writer: "pq.ParquetWriter", tables: "list[pa.Table]") -> None:
    """Write tables as one group of rows, so that no stimulus is in two, and empty the list."""
    import pyarrow as pa

    if rows := sum(map(len, tables)):
        writer.write_table(pa.concat_tables(tables), row_group_size=rows)
    tables.clear()
