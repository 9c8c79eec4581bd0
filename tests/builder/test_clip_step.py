"""A clip's failure is the clip's; a failure of the machine, or of most clips, is the stage's."""

import errno
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pytest

from builder.clip_step import ClipStep, part_path
from builder.manifest import ManifestRow
from builder.manifest_file import read_manifest, write_manifest
from builder.results import Results
from builder.stage import BatchStage, ClipStage, Dropped, WithColumns
from mma_bench.errors import MMABenchError


class Fails(ClipStage):
    """Raises what it is told for the clips that it is told."""

    name = "fails"

    def __init__(self, folder: Path, error: Exception, clips: Iterable[int]) -> None:
        super().__init__(folder, "settings")
        self.error, self.clips = error, {f"clip{number}" for number in clips}

    def process(self, row: ManifestRow) -> ManifestRow:
        if row.clip_id in self.clips:
            raise self.error
        return row


def run(stage: ClipStage, clips: int) -> dict[str, ManifestRow]:
    rows = [
        ManifestRow(clip_id=f"clip{n}", file=f"{n}.mp4", visual_label="a", audio_label="a", source="test")
        for n in range(clips)
    ]
    source = stage.folder / "source.parquet"
    write_manifest(source, rows)
    list(ClipStep(stage, source, [0, clips], 1, stage.folder / "parts").run(None))
    return {row.clip_id: row for row in read_manifest(part_path(stage.folder / "parts", 0))}


@pytest.mark.parametrize(
    "error", [ValueError("odd \udce9"), KeyError("x"), RecursionError(), OSError(errno.EINVAL, "bad")]
)
def test_what_nobody_foresaw_drops_the_clip_and_is_kept(error: Exception, tmp_path: Path) -> None:
    rows = run(Fails(tmp_path, error, [1]), 3)
    assert [row.kept for row in rows.values()] == [True, False, True]
    assert (rows["clip1"].reason, rows["clip1"].dropped_by) == ("internal_error", "fails")
    assert type(error).__name__ in str(rows["clip1"].detail)
    assert "Traceback" in (tmp_path / "errors" / "00000.txt").read_text()


def test_most_clips_failing_ends_the_stage_with_a_summary(tmp_path: Path) -> None:
    with pytest.raises(MMABenchError, match="21 of 21 clips failed with an internal error") as ended:
        run(Fails(tmp_path, ValueError("odd"), range(100)), 100)
    assert "ValueError: odd" in str(ended.value)
    few = run(Fails(tmp_path / "few", ValueError("odd"), range(0, 100, 3)), 100)
    assert sum(not row.kept for row in few.values()) == 34


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), MMABenchError("ffmpeg is not installed")])
def test_what_every_clip_would_share_ends_the_stage_and_costs_no_clip(error: Exception, tmp_path: Path) -> None:
    with pytest.raises(type(error)):
        run(Fails(tmp_path, error, [1]), 3)
    assert not part_path(tmp_path / "parts", 0).exists()
    assert Results(tmp_path).find(pa.array(["clip1"])).missing == 1


class Wrong(ClipStage):
    """Returns what it is told with its clips."""

    name = "wrong"

    @classmethod
    def columns(cls) -> pa.Schema:
        return pa.schema([("size", pa.int64())])

    def process(self, row: ManifestRow) -> WithColumns:
        return WithColumns(row, self.settings)


class WrongBatch(BatchStage):
    """Returns what it is told for a batch."""

    name = "wrong"
    clips_at_a_time = 3

    def process_batch(self, rows: Sequence[ManifestRow]) -> Iterator[ManifestRow]:
        yield from self.settings(rows)


def drops(rows: Sequence[ManifestRow]) -> Iterator[ManifestRow]:
    raise Dropped("odd", "it is")


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        (lambda folder: Wrong(folder, {"size": "large"}), "returned a value that cannot be stored"),
        (lambda folder: Wrong(folder, {"length": 1}), "returned a column 'length' that it did not declare"),
        (lambda folder: WrongBatch(folder, lambda rows: rows[:2]), "returned nothing for clip2"),
        (
            lambda folder: WrongBatch(folder, lambda rows: [rows[0].changed(clip_id="other")]),
            "something else than a row",
        ),
        (lambda folder: WrongBatch(folder, lambda rows: [None]), "something else than a row"),
        (lambda folder: WrongBatch(folder, drops), "raised Dropped for a batch"),
        (lambda folder: WrongBatch(folder, lambda rows: {}["x"]), "failed: KeyError"),
    ],
)
def test_what_a_stage_of_a_user_returns_wrongly_is_one_clear_error(
    stage: Callable[[Path], ClipStage], said: str, tmp_path: Path
) -> None:
    with pytest.raises(MMABenchError, match=said):
        run(stage(tmp_path), 3)


def test_a_batch_may_return_columns_and_dropped_rows_in_any_order(tmp_path: Path) -> None:
    found = run(
        WrongBatch(tmp_path, lambda rows: [WithColumns(rows[2], {}), rows[0], rows[1].drop("wrong", "odd", "")]), 3
    )
    assert [row.reason for row in found.values()] == [None, "odd", None]
