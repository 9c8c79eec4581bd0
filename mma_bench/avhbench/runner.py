"""One run of AVHBench: check the videos, ask unanswered questions, score."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from mma_bench import __version__
from mma_bench.avhbench.asking import Questions
from mma_bench.avhbench.protocol import protocol, published
from mma_bench.avhbench.questions import Repeated, Row, read_questions, repeated
from mma_bench.avhbench.scores import TaskScores, score_tasks
from mma_bench.avhbench.videos import find_videos
from mma_bench.console.progress import activity, say
from mma_bench.errors import MMABenchError
from mma_bench.evaluation.emptiness import require_answers
from mma_bench.evaluation.outlook import Workload
from mma_bench.evaluation.people import refuse_open_quiz
from mma_bench.evaluation.run_folder import asking, read_head, write_head
from mma_bench.evaluation.store import AnswerStore
from mma_bench.files.atomic import write_json
from mma_bench.files.hashing import sha256_file
from mma_bench.models import Model
from mma_bench.models import load as load_model
from mma_bench.probe import checked_reach, record_probe

_HEAD = "avhbench.json"
_NAMED = 20  # number of videos that an error names


class Head(BaseModel):
    """The model, the questions and the wording of a run; `avhbench.json` of a run folder."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    model_fingerprint: dict[str, str]
    questions_sha256: str
    protocol_version: int
    protocol_sha256: str
    suffix: str


@dataclass(frozen=True)
class AVHBenchScores:
    """Result of a run.

    Attributes:
        tasks: scores of the yes/no tasks.
        captions: number of stored captions. They are not scored, because no metric's model ships with mma-bench.
        unanswered: rows without an answer: their video is missing, or the model only chooses among options.
        videos: reason by id of each video that was not asked about.
        repeated: questions that the file asks more than once.
    """

    tasks: Sequence[TaskScores]
    captions: int
    unanswered: int
    videos: Mapping[str, str]
    repeated: Sequence[Repeated]

    def to_json(self) -> dict[str, Any]:
        """Return everything, including the published results."""
        return {
            "mma_bench": __version__,
            "protocol": {**protocol().model_dump(mode="json"), "sha256": protocol().sha256},
            "tasks": [task.to_json() for task in self.tasks],
            "captions": {"stored": self.captions, "scored": False},
            "unanswered": self.unanswered,
            "videos_not_asked": dict(self.videos),
            "repeated": [{**asdict(group), "contradicts": group.contradicts} for group in self.repeated],
            "published": published().model_dump(mode="json"),
        }


def evaluate_avhbench(
    model: str | Model,
    qa: str | Path,
    videos: str | Path,
    *,
    run: str | Path,
    options: Mapping[str, str] | None = None,
    tasks: Sequence[str] = (),
    limit: int | None = None,
    allow_missing: bool = False,
    overwrite: bool = False,
    check_reach: bool = True,
    progress: bool = True,
    allow_empty: bool = False,
) -> AVHBenchScores:
    """Ask ``model`` AVHBench's questions, keep its raw answers in the folder ``run``, and score them.

    Args:
        model: a name for `mma_bench.models.load`, or a model.
        qa: AVHBench's `QA.json`.
        videos: folder of its videos, `{video_id}.mp4`, including the audio.
        run: folder of the run: `avhbench.json`, `answers.jsonl`, `scores.json`. Interrupted runs resume.
        options: settings of a model given by name.
        tasks: short names; by default all.
        limit: maximum number of videos, the first by id.
        allow_missing: ask about the available videos.
        overwrite: discard existing answers and start over.
        check_reach: check first whether video and audio reach the model.
        progress: show progress on standard error.
        allow_empty: score the run even if answers are empty because they were cut off, or half of all are empty.

    Raises:
        MMABenchError: an input cannot be used, videos are missing, ``run`` belongs to another run, or too many answers
            are empty (see `mma_bench.evaluation.emptiness`).
    """
    rows = _first_videos(read_questions(Path(qa), tasks), limit)
    with activity(f"reading the videos in {videos}", show=progress):
        found, problems = find_videos(Path(videos), dict.fromkeys(row.video_id for row in rows))
    if problems and not (allow_missing and found):
        raise MMABenchError(_absence(problems, len(found) + len(problems), Path(videos)))
    with activity(f"loading {model}", show=progress and isinstance(model, str)):
        loaded = load_model(model, options) if isinstance(model, str) else model
        fingerprint = loaded.fingerprint()
    head = Head(
        model=loaded.name,
        model_fingerprint=fingerprint,
        questions_sha256=sha256_file(Path(qa)),
        protocol_version=protocol().version,
        protocol_sha256=protocol().sha256,
        suffix=protocol().suffix,
    )
    folder = Path(run)
    _check(folder, head, overwrite=overwrite)
    store = AnswerStore(folder)
    questions = Questions(rows, found, loaded, fingerprint)
    unanswered = questions.open({} if overwrite else store.read())
    say(_ahead(loaded, questions, unanswered), show=progress)
    reach = checked_reach(loaded, check=check_reach, progress=progress) if loaded.takes_media and unanswered else None
    write_head(folder, _HEAD, head.model_dump(), discard=("answers.jsonl",) if overwrite else ())
    if reach:
        record_probe(folder, reach)
    _ask(questions, unanswered, store, progress=progress)
    answers = store.read()
    require_answers(fingerprint, answers.values(), allow_empty=allow_empty)
    scores = _scores(rows, questions.texts(answers), problems)
    write_json(folder / "scores.json", scores.to_json())
    return scores


def _ask(questions: Questions, rows: Sequence[Row], store: AnswerStore, *, progress: bool) -> None:
    total = len(questions)
    with asking(questions.model, store, total, total - len(rows), progress=progress) as (bar, interruption):
        for answers in questions.ask(rows, interruption):
            store.append(answers)
            bar.advance(answers)


def _ahead(model: Model, questions: Questions, rows: Sequence[Row]) -> str:
    videos = len({row.video_id for row in rows})
    requests = len(rows) if model.asks_one_by_one else videos
    return Workload(len(questions), len(rows), videos, requests).text(model.name)


def _scores(rows: Sequence[Row], texts: Mapping[tuple[str, str], str], problems: Mapping[str, str]) -> AVHBenchScores:
    captions = [row for row in rows if protocol().tasks[row.task].asks == "caption"]
    return AVHBenchScores(
        tasks=score_tasks(rows, texts),
        captions=len({(row.video_id, row.name) for row in captions} & texts.keys()),
        unanswered=sum((row.video_id, row.name) not in texts for row in rows),
        videos=problems,
        repeated=repeated(rows),
    )


def _first_videos(rows: Sequence[Row], limit: int | None) -> Sequence[Row]:
    chosen = set(sorted({row.video_id for row in rows})[:limit])
    return [row for row in rows if row.video_id in chosen]


def _absence(problems: Mapping[str, str], total: int, folder: Path) -> str:
    first = sorted(problems)[:_NAMED]
    listed = "; ".join(f"{video_id}: {problems[video_id]}" for video_id in first)
    more = f"; and {len(problems) - _NAMED} more" if len(problems) > _NAMED else ""
    hint = "put them there" if len(problems) == total else "put them there, or ask about the others: --allow-missing"
    return f"{len(problems)} of {total} videos cannot be asked about in {folder} ({listed}{more}); {hint}"


def _check(folder: Path, head: Head, *, overwrite: bool) -> None:
    refuse_open_quiz(folder)
    earlier = read_head(folder, _HEAD, Head, what="a run of AVHBench")
    if earlier and earlier != head and not overwrite:
        raise MMABenchError(
            f"{folder} holds answers of {earlier.model}: another model, setting, version, wording or QA.json; "
            "choose another --run, or --overwrite to ask everything again"
        )
