"""The `verify` stage: a model answers four yes/no checks about each clip, and all must be passed."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from builder.executors import ExecutorSettings
from builder.manifest import CheckResult, ManifestRow
from builder.normalise.settings import NormaliseSettings
from builder.stage import BatchStage
from builder.verify import costs
from builder.verify.checks import CHECKS, ClipChecks, checks_of
from builder.verify.decide import decide
from builder.verify.gpus import visible_gpus
from builder.verify.reading import kept_text
from builder.verify.settings import VerifySettings
from builder.verify.verifier import Verifier, loaded, public_name
from mma_bench.errors import MMABenchError
from mma_bench.files.hashing import sha256_json
from mma_bench.models import CheckAnswer, Model, model_class

if TYPE_CHECKING:
    from builder.run import Build


class VerifyClips(BatchStage):
    """Put the answers to all checks of a clip into its row, and drop the clip if one was not passed.

    Several clips are asked at a time, so that a model can batch. A clip's answers are recorded with a hash of its
    streams, the prompts and the model: after a change of another clip or of a threshold, nothing is asked again.
    Without a verifier, all clips pass.
    """

    name = "verify"

    def __init__(
        self,
        folder: Path,
        normalised: Path,
        verifier: Verifier | None,
        video: NormaliseSettings,
        settings: VerifySettings,
    ) -> None:
        # How many clips are asked at a time, and by how many processes, decides nothing.
        super().__init__(folder, sorted(settings.min_yes_probability.items()) if verifier else None)
        self.clips = normalised / "clips"
        self.verifier = verifier
        self.video = video
        # A server is busy to the end of a batch only if a batch is much more than what it answers at a time.
        busy = 4 * verifier.concurrency if verifier and verifier.concurrency > 1 else 1
        self.clips_at_a_time = max(settings.clips_at_a_time, busy)
        self.options = settings
        self._gpus = 0

    @classmethod
    def of(cls, job: "Build") -> Self:
        """Return the stage as ``job`` needs it."""
        return cls(job.folder(cls.name), job.folder("normalise"), job.verifier, job.normalise, job.config.verify)

    def inputs(self) -> Any:
        """Return what decides the answers about any clip."""
        return [self.verifier.model_dump(), self.video.model_dump()] if self.verifier else None

    def clip_inputs(self, row: ManifestRow) -> Any:
        """Return model, prompts, labels and streams."""
        prompts = [
            check.prompt for checks in checks_of(row.visual_label, row.audio_label, ()).values() for check in checks
        ]
        return [self.inputs(), prompts, row.video_sha256, row.audio_sha256, row.visual_label, row.audio_label]

    @property
    def _costs(self) -> Path:
        return self.folder / "costs" / sha256_json(self.inputs())[:16]

    def summary(self) -> list[str]:
        """Return what the answers cost, and record it in `cost.json`."""
        if self.verifier is None or not self._costs.is_dir():
            return []
        name = public_name(self.verifier.model)
        return [costs.record(self._costs, self.folder / "cost.json", name, self.options.prices)]

    def changes_nothing(self) -> bool:
        """Return whether there is no model to ask."""
        return self.verifier is None

    def executor(self, given: ExecutorSettings) -> ExecutorSettings:
        """Return ``given`` with a GPU for each task where the model takes one, and as many workers as it allows."""
        if self.verifier is None:
            return given
        kind = model_class(self.verifier.model)
        takes_gpu = kind.takes_gpu(dict(self.verifier.options))
        self._gpus = int(takes_gpu) if given.gpus is None else given.gpus
        given = given.changed(gpus=self._gpus)
        if workers := self.options.workers or given.workers_of(self.name):
            return given.changed(workers=workers)
        if takes_gpu and given.kind == "local":
            return given.changed(workers=max(1, len(visible_gpus()) // max(1, self._gpus)))
        if takes_gpu or kind.runs_in_parallel:
            return given
        return given.changed(workers=1)  # a server's adapter has several requests in flight itself

    def decide(self, row: ManifestRow) -> ManifestRow:
        """Return ``row`` as verified, or dropped for the first check that it did not pass."""
        if self.verifier is None:
            return row
        return decide(row, self.options.min_yes_probability, public_name(self.verifier.model))

    def process_batch(self, rows: Sequence[ManifestRow]) -> Iterator[ManifestRow]:
        """Yield each row as soon as all its checks are answered."""
        verifier = self.verifier
        if verifier is None:
            yield from rows
            return
        model = loaded(verifier.model, verifier.options, self._gpus)
        meter = costs.meter(self._costs)
        with meter.running(model):
            yield from self._asked(rows, verifier, model, meter)

    def _asked(
        self, rows: Sequence[ManifestRow], verifier: Verifier, model: Model, meter: costs.Meter
    ) -> Iterator[ManifestRow]:
        maker = ClipChecks(self.clips, self.folder / "streams", self.video, verifier.classes)
        requests = {row.clip_id: maker.requests(row) for row in rows}
        owner = {sample.stimulus.key: clip_id for clip_id, made in requests.items() for sample, _ in made}
        missing = {clip_id: len(made) for clip_id, made in requests.items()}
        asked = {sample.stimulus.key: len(checks) for made in requests.values() for sample, checks in made}
        answers: dict[str, dict[str, CheckAnswer]] = {clip_id: {} for clip_id in requests}
        by_id = {row.clip_id: row for row in rows}
        for sample, answered in model.check_all([request for made in requests.values() for request in made]):
            if len(answered) < asked[sample.stimulus.key]:
                continue  # a server answered some checks before it failed; its error follows
            meter.answered(model, answered)
            clip_id = owner[sample.stimulus.key]
            answers[clip_id].update({answer.name: answer for answer in answered})
            missing[clip_id] -= 1
            if missing[clip_id] == 0:
                meter.finished_clip()
                yield _with_answers(by_id[clip_id], answers[clip_id], verifier)


def _with_answers(row: ManifestRow, answers: dict[str, CheckAnswer], verifier: Verifier) -> ManifestRow:
    if absent := [kind.name for kind in CHECKS if kind.name not in answers]:
        raise MMABenchError(f"{verifier.model} did not answer the check {absent[0]} of {row.clip_id}")
    checks = [
        CheckResult(
            check=kind.name,
            text=kept_text(answers[kind.name].text),
            yes_probability=answers[kind.name].yes_probability,
        )
        for kind in CHECKS
    ]
    return row.changed(checks=checks)
