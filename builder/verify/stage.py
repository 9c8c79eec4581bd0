"""Run the `verify` stage: ask the model, then decide."""

from collections import Counter
from pathlib import Path

from builder.executors import ExecutorSettings
from builder.manifest import ManifestRow, read_manifest, write_manifest
from builder.normalise.settings import NormaliseSettings
from builder.stage import run_clip_stage
from builder.verify.decide import decide
from builder.verify.gpus import visible_gpus
from builder.verify.settings import VerifySettings
from builder.verify.step import AskModel, Verifier
from mma_bench.errors import MMABenchError
from mma_bench.files.hashing import sha256_json
from mma_bench.models import load, model_class
from mma_bench.models.own import without_folder


def make_verifier(settings: VerifySettings, classes: list[str]) -> Verifier | None:
    """Return the model that the settings name, or none.

    Raises:
        MMABenchError: there is no such model, or a package that it needs is missing.
    """
    if settings.model is None:
        if settings.min_yes_probability:
            raise MMABenchError("verify.min_yes_probability needs a model to give probabilities; set verify.model too")
        return None
    model = load(settings.model, settings.model_options)
    return Verifier(
        model=settings.model,
        options=tuple(sorted(settings.model_options.items())),
        fingerprint_sha256=sha256_json(model.fingerprint()),
        classes=tuple(classes),
    )


def run_verify(
    settings: VerifySettings,
    verifier: Verifier | None,
    work: Path,
    source: Path,
    video: NormaliseSettings,
    executor: ExecutorSettings,
) -> list[ManifestRow]:
    """Write `verify/manifest.parquet` from the manifest ``source`` and return its rows.

    The answers are stored in `verify/answers/`; decisions are made from them each time, without a model.
    """
    manifest = work / "verify" / "manifest.parquet"
    if verifier is None:
        rows = read_manifest(source)
        write_manifest(manifest, rows)
        return rows
    manifest.unlink(missing_ok=True)  # there is no result until everything is answered, as in other stages
    step = AskModel(
        work / "verify" / "answers",
        work / "normalise",
        verifier,
        video,
        clips_at_a_time=settings.clips_at_a_time,
    )
    asked = run_clip_stage(step, source, executor.changed(workers=_workers(settings, executor)))
    name = public_name(verifier.model)
    rows = [decide(row, settings.min_yes_probability, name) if row.kept else row for row in asked]
    write_manifest(manifest, rows)
    return rows


def public_name(model: str) -> str:
    """Return a model's name without the address of a server or the folder of local weights."""
    family, colon, rest = model.partition(":")
    if family == "python":
        return without_folder(model)
    rest = rest.partition("@")[0]
    if rest.startswith(("/", ".", "~")):
        rest = Path(rest).name
    return f"{family}{colon}{rest}"


def reading_counts(rows: list[ManifestRow]) -> dict[str, dict[str, int]]:
    """Return for each check how often the model answered yes, no, or neither."""
    counts: dict[str, Counter[str]] = {}
    for row in rows:
        for check in row.checks:
            counts.setdefault(check.check, Counter())[check.said] += 1
    return {name: {said: count[said] for said in ("yes", "no", "unparsed")} for name, count in counts.items()}


def _workers(settings: VerifySettings, executor: ExecutorSettings) -> int:
    if settings.workers:
        return settings.workers
    kind = model_class(str(settings.model))
    if kind.uses_gpu:
        return max(1, len(visible_gpus()))
    return executor.workers if kind.runs_in_parallel else 1  # the adapter for servers has its own concurrency
