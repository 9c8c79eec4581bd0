"""What a run of interventions says of itself, in `interference.json` of its folder."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from mma_bench.errors import MMABenchError
from mma_bench.evaluation.people import refuse_open_quiz
from mma_bench.evaluation.run_folder import read_head, write_head
from mma_bench.evaluation.store import ANSWERS_FILE
from mma_bench.evaluation.usage import USAGE_FILE
from mma_bench.interference.protocol import Protocol

if TYPE_CHECKING:
    from mma_bench.interference.run import Questions

HEAD_FILE = "interference.json"
RESULTS_FILE = "results.json"
DECISIONS_FILE = "decisions.parquet"
PAGE_FILE = "index.html"
PROTOCOL_FILE = "protocol.yaml"
FIGURES_FOLDER = "figures"
TABLES_FOLDER = "tables"


class Head(BaseModel):
    """The model, the data and the protocol of a run.

    Attributes:
        model: its name.
        model_fingerprint: see `mma_bench.models.Model.fingerprint`.
        data: as given.
        form: what the data were taken for.
        data_sha256: hash of all the data, whatever the limit.
        items_sha256: hash of the questions that were asked, with their media.
        pool: where unrelated pictures and sounds come from.
        pool_sha256: hash of these.
        pictures: folder of unrelated pictures, if one was given.
        sounds: folder of unrelated sounds, if one was given.
        protocol: all of it.
        protocol_sha256: its hash.
        split: of the data.
        limit: maximum number of items of each kind.
        columns: which column of a table of questions is what, without the table's name.
        columns_file: YAML that names them, if one was given apart from the data.
        options: settings of the model, as given.
        against: folder of the run that this one was last compared with.
        left_out: interventions and items that the model cannot be given, one line each.
        skipped: files and rows that cannot be used, by reason.
        mma_bench: version.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    model_fingerprint: dict[str, str]
    data: str
    form: str
    data_sha256: str
    items_sha256: str
    pool: str
    pool_sha256: str
    pictures: str | None
    sounds: str | None
    protocol: Protocol
    protocol_sha256: str
    split: str
    limit: int | None
    columns: dict[str, Any] | None = None
    columns_file: str | None = None
    options: dict[str, str] = {}
    against: str | None = None
    left_out: list[str]
    skipped: dict[str, Any]
    mma_bench: str

    @property
    def data_name(self) -> str:
        """The data without the folders that lead to them."""
        path = Path(self.data)
        return path.name if path.exists() or path.is_absolute() else self.data

    @property
    def asked(self) -> tuple[Any, ...]:
        """What two runs must share to be compared."""
        return self.data_sha256, self.split, self.columns, self.pool_sha256, self.protocol_sha256

    @property
    def identity(self) -> tuple[Any, ...]:
        """What must not change while answers are added."""
        return self.model, sorted(self.model_fingerprint.items()), self.asked


def asked_of(questions: "Questions", split: str) -> tuple[Any, ...]:
    """Return what a run of ``questions`` would have as `Head.asked`."""
    found, protocol = questions.found, questions.protocol
    return found.fingerprint, split, found.columns, questions.pool.sha256, protocol.sha256


def check_folder(folder: Path, head: Head, *, overwrite: bool) -> None:
    """Check that ``folder`` is new, to be overwritten, or of a run of the same model, data and protocol.

    Raises:
        MMABenchError: it is something else, or a quiz writes to it.
    """
    refuse_open_quiz(folder)
    earlier = read_head(folder, HEAD_FILE, Head, what="a run of interventions")
    if earlier and not overwrite and earlier.identity != head.identity:
        raise MMABenchError(
            f"{folder} holds answers of {earlier.model} about {earlier.data}, of another model, version, setting, "
            "protocol, columns, pool or state of the data; choose another --run, or --overwrite to ask everything again"
        )


def begin(folder: Path, head: Head, *, overwrite: bool, asks: bool) -> None:
    """Begin or resume a run.

    Results of other answers, or of another head (such as one with a higher limit), are removed first: a kill leaves
    none that the head does not describe.

    Args:
        folder: of the run.
        head: what it says of itself.
        overwrite: remove existing answers.
        asks: whether there is something to ask.
    """
    old = [ANSWERS_FILE, USAGE_FILE, "probe.json"] if overwrite else []
    new = head.model_dump(mode="json")
    earlier = None if overwrite else read_head(folder, HEAD_FILE, Head, what="a run of interventions")
    if overwrite or asks or earlier is None or earlier.model_dump(mode="json") != new:
        old += [RESULTS_FILE, DECISIONS_FILE, PAGE_FILE]
        for name in (FIGURES_FOLDER, TABLES_FOLDER):
            shutil.rmtree(folder / name, ignore_errors=True)
    write_head(folder, HEAD_FILE, new, discard=old)


def open_head(folder: Path) -> Head:
    """Return the head of the run in ``folder``.

    Raises:
        MMABenchError: there is none.
    """
    head = read_head(folder, HEAD_FILE, Head, what="a run of interventions")
    if head is None:
        raise MMABenchError(f"{folder} is not a run of interventions; make one with `mma-bench interference`")
    return head
