"""The model that is asked."""

import functools
from collections import Counter
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from builder.manifest import ManifestRow
from builder.verify.gpus import claim_gpus
from builder.verify.settings import VerifySettings
from mma_bench.errors import MMABenchError
from mma_bench.files.hashing import sha256_json
from mma_bench.models import Model, load
from mma_bench.models.own import without_folder


class Verifier(BaseModel):
    """The model to ask. What counts as passed is decided in `builder.verify.decide`.

    Attributes:
        model: its name.
        options: its options.
        fingerprint_sha256: hash of what determines its answers.
        classes: all class names.
        concurrency: requests in flight, for a server.
    """

    model_config = ConfigDict(frozen=True)

    model: str
    options: tuple[tuple[str, str], ...]
    fingerprint_sha256: str
    classes: tuple[str, ...]
    concurrency: int = Field(default=1, exclude=True)  # decides no answer


@functools.cache
def loaded(name: str, options: tuple[tuple[str, str], ...], gpus: int = 0) -> Model:
    """Return the model, loaded once per process, on ``gpus`` GPUs that no other process of the build uses."""
    if gpus:
        claim_gpus(gpus)
    return load(name, dict(options))


def make_verifier(settings: VerifySettings, classes: list[str]) -> Verifier | None:
    """Return the model that the settings name, or none.

    Raises:
        MMABenchError: there is no such model, or a package that it needs is missing.
    """
    if settings.model is None:
        if settings.min_yes_probability:
            raise MMABenchError("verify.min_yes_probability needs a model to give probabilities; set verify.model too")
        return None
    from mma_bench.models.endpoint import EndpointModel

    model = load(settings.model, settings.model_options)
    return Verifier(
        model=settings.model,
        options=tuple(sorted(settings.model_options.items())),
        fingerprint_sha256=sha256_json(model.fingerprint()),
        classes=tuple(classes),
        concurrency=model.settings.concurrency if isinstance(model, EndpointModel) else 1,
    )


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
