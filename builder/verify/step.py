"""The block that asks a model the checks of each clip."""

import functools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from datatrove.data import Document
from pydantic import BaseModel, ConfigDict

from builder.clip_step import ClipStep, write_progress
from builder.manifest import CheckResult, ManifestRow
from builder.normalise.settings import NormaliseSettings
from builder.verify.checks import CHECKS, ClipChecks, checks_of
from builder.verify.gpus import claim_gpu
from builder.verify.reading import kept_text
from mma_bench.errors import MMABenchError
from mma_bench.files.atomic import write_json
from mma_bench.files.documents import parse_json
from mma_bench.files.hashing import sha256_json
from mma_bench.models import CheckAnswer, Model, load, model_class


class Verifier(BaseModel):
    """The model to ask. What counts as passed is decided in `builder.verify.decide`."""

    model_config = ConfigDict(frozen=True)

    model: str
    options: tuple[tuple[str, str], ...]
    fingerprint_sha256: str
    classes: tuple[str, ...]


@functools.cache
def loaded(name: str, options: tuple[tuple[str, str], ...]) -> Model:
    """Return the model, loaded once per process, on a separate GPU per process if there are several."""
    if model_class(name).uses_gpu:
        claim_gpu()
    return load(name, dict(options))


class AskModel(ClipStep):
    """Put the answers to all checks of a clip into its row.

    Several clips are asked at a time, so that a model can batch. A clip's answers are stored with a hash of its
    streams, the prompts and the model: after a change of another clip or of a threshold, nothing is asked again.
    """

    stage = "verify"

    def __init__(
        self,
        folder: Path,
        normalised: Path,
        verifier: Verifier,
        video: NormaliseSettings,
        *,
        clips_at_a_time: int,
    ) -> None:
        super().__init__(folder, verifier)
        self.clips = normalised / "clips"
        self.verifier = verifier
        self.video = video
        self.clips_at_a_time = clips_at_a_time

    def run(self, data: Iterable[Document], rank: int = 0, world_size: int = 1) -> Iterator[Document]:
        """Ask about the clips of this task; clips that an earlier stage dropped pass through."""
        rows = [ManifestRow.model_validate(document.metadata) for document in data]
        results = {row.clip_id: known for row in rows if row.kept and (known := self._remembered(row))}
        waiting = [row for row in rows if row.kept and row.clip_id not in results]
        write_progress(self.folder, rank, len(rows) - len(waiting))
        for start in range(0, len(waiting), self.clips_at_a_time):
            for row in self._ask(waiting[start : start + self.clips_at_a_time]):
                self._remember(row)
                results[row.clip_id] = row
                write_progress(self.folder, rank, sum(not row.kept or row.clip_id in results for row in rows))
        for row in rows:
            result = results.get(row.clip_id, row)
            self.stat_update("asked" if result.kept else "passed through")
            yield Document(text="", id=result.clip_id, metadata=result.model_dump())

    def process(self, row: ManifestRow) -> ManifestRow:
        """Return ``row`` with the answers."""
        return next(self._ask([row]))

    def _ask(self, rows: Sequence[ManifestRow]) -> Iterator[ManifestRow]:
        """Yield each row as soon as all its checks are answered."""
        model = loaded(self.verifier.model, self.verifier.options)
        maker = ClipChecks(self.clips, self.folder / "streams", self.video, self.verifier.classes)
        requests = {row.clip_id: maker.requests(row) for row in rows}
        owner = {sample.stimulus.key: clip_id for clip_id, made in requests.items() for sample, _ in made}
        missing = {clip_id: len(made) for clip_id, made in requests.items()}
        asked = {sample.stimulus.key: len(checks) for made in requests.values() for sample, checks in made}
        answers: dict[str, dict[str, CheckAnswer]] = {clip_id: {} for clip_id in requests}
        by_id = {row.clip_id: row for row in rows}
        for sample, answered in model.check_all([request for made in requests.values() for request in made]):
            if len(answered) < asked[sample.stimulus.key]:
                continue  # a server answered some checks before it failed; its error follows
            clip_id = owner[sample.stimulus.key]
            answers[clip_id].update({answer.name: answer for answer in answered})
            missing[clip_id] -= 1
            if missing[clip_id] == 0:
                yield self._with_answers(by_id[clip_id], answers[clip_id])

    def _with_answers(self, row: ManifestRow, answers: dict[str, CheckAnswer]) -> ManifestRow:
        if absent := [kind.name for kind in CHECKS if kind.name not in answers]:
            raise MMABenchError(f"{self.verifier.model} did not answer the check {absent[0]} of {row.clip_id}")
        checks = [
            CheckResult(
                check=kind.name,
                text=kept_text(answers[kind.name].text),
                yes_probability=answers[kind.name].yes_probability,
            )
            for kind in CHECKS
        ]
        return row.changed(checks=checks)

    def _remember(self, row: ManifestRow) -> None:
        checks = [check.model_dump() for check in row.checks]
        write_json(self._record(row), {"inputs": self._inputs(row), "checks": checks})

    def _remembered(self, row: ManifestRow) -> ManifestRow | None:
        try:
            record = parse_json(self._record(row).read_text(encoding="utf-8"))
            checks = [CheckResult.model_validate(check) for check in record["checks"]]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return row.changed(checks=checks) if record.get("inputs") == self._inputs(row) else None

    def _inputs(self, row: ManifestRow) -> str:
        prompts = [
            check.prompt for checks in checks_of(row.visual_label, row.audio_label, ()).values() for check in checks
        ]
        streams = [row.video_sha256, row.audio_sha256, row.visual_label, row.audio_label]
        return sha256_json([self.stage, self.verifier.model_dump(), self.video.model_dump(), prompts, streams])
