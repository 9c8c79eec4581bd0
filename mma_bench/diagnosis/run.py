"""Measures the parts of a diagnosis, stimulus by stimulus, and writes tables, numbers, figures and page."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mma_bench import __version__
from mma_bench.console.interruption import Interruption, held_back
from mma_bench.console.progress import activity, bar
from mma_bench.dataset.load import Sample
from mma_bench.diagnosis.asked import Asked, what_is_asked
from mma_bench.diagnosis.comparison import open_other
from mma_bench.diagnosis.conclusion import conclude
from mma_bench.diagnosis.numbers import Number
from mma_bench.diagnosis.parts.choice import chosen_parts, left_out
from mma_bench.diagnosis.plain_prompt import PlainSubject, require_readable, shape_of
from mma_bench.diagnosis.registry import Measured, Part
from mma_bench.diagnosis.store import Diagnosis, Store
from mma_bench.diagnosis.subject import OmniSubject, Subject
from mma_bench.errors import MMABenchError, unknown
from mma_bench.evaluation.protocols import Protocol, load_protocol, model_options
from mma_bench.models import load as load_model
from mma_bench.models import model_class
from mma_bench.models.omni.model import TransformersOmni
from mma_bench.models.plain.model import PlainModel
from mma_bench.models.wrappers import Wrapper

if TYPE_CHECKING:
    import pyarrow as pa
    from tqdm import tqdm


Diagnosed = TransformersOmni | PlainModel
"""Models that run here with all their layers."""


@dataclass(frozen=True)
class Found:
    """What a diagnosis found.

    Attributes:
        head: what was asked of whom.
        measured: the tables by part, as far as numbers need them.
        numbers: all numbers with intervals.
    """

    head: Diagnosis
    measured: Measured
    numbers: list[Number]


def diagnose(
    model: str | Diagnosed,
    data: str | Path = "mma-bench",
    *,
    run: str | Path,
    options: Mapping[str, str] | None = None,
    parts: Sequence[str] | None = None,
    condition: str | Sequence[str] | None = None,
    split: str = "test",
    limit: int | None = None,
    protocol: str | Path = "paper",
    seed: int = 0,
    against: str | Path | None = None,
    overwrite: bool = False,
    progress: bool = True,
) -> Found:
    """Look inside ``model`` while it answers questions about ``data``, and write the folder ``run``.

    An interrupted diagnosis resumes: stimuli that were measured are not measured again.

    Args:
        model: a name such as ``transformers:FOLDER``, or a loaded model of that kind.
        data: folder of a dataset, or its name on the hub.
        run: folder for `index.html`, one Parquet file per part, `estimates.parquet`, `figures/` and `tables/`.
        options: settings of the model by name, for a model given by name.
        parts: names of the parts to measure; by default all that the model's family allows. Parts that they read are
            measured, too.
        condition: one condition or several; by default those of `asked.CONDITIONS` that the data has.
        split: `test` or `train`.
        limit: maximum number of stimuli per media condition.
        protocol: whose questions are asked, in the wordings of its headline.
        seed: of random controls, of the split of clips in halves and of the bootstrap.
        against: folder of an earlier diagnosis of the same questions, such as of the model before tuning; figures show
            both, and what can be is compared clip by clip.
        overwrite: discard an existing diagnosis and start over; a folder that holds anything else is refused.
        progress: show progress and the remaining time on standard error.

    Returns:
        The tables and the numbers.

    Raises:
        MMABenchError: the data, the protocol or the model cannot be used, or ``run`` holds something else.
    """
    kinds = chosen_parts(parts)
    rules = load_protocol(protocol)
    with activity(f"reading {data}", show=progress):
        asked = what_is_asked(rules, data, condition=condition, split=split, limit=limit)
    given = dict(options or {})
    with activity(f"loading {model}", show=progress and isinstance(model, str)):
        loaded = _load(model, model_options(rules, model, given) if isinstance(model, str) else {})
    kinds = _possible(kinds, loaded, asked_for=parts)
    layers, heads = _shape(loaded)
    head = head_of(
        loaded.name,
        loaded.fingerprint(),
        str(data),
        asked,
        rules,
        split=split,
        limit=limit,
        seed=seed,
        parts=[kind.name for kind in kinds],
        options=given if isinstance(model, str) else loaded.settings.model_dump(mode="json", exclude_defaults=True),
        against=str(against) if against else None,
        layers=layers,
        heads=heads,
    )
    store = Store(Path(run))
    other = open_other(Path(against), head) if against else None
    head = store.begin(head, overwrite=overwrite)
    if other and (lacking := other.note(head)):
        print(f"note: {lacking}", file=sys.stderr, flush=True)
    measured = _measure(store, head, kinds, loaded, asked, progress=progress)
    with activity("computing intervals, drawing figures", show=progress):
        return Found(head, measured, conclude(store, head, measured, asked, other))


def head_of(
    model: str,
    fingerprint: Mapping[str, str],
    data: str,
    asked: Asked,
    rules: Protocol,
    *,
    options: Mapping[str, Any],
    **more: Any,
) -> Diagnosis:
    """Return the head of a diagnosis; ``more`` are fields of `Diagnosis`."""
    return Diagnosis(
        model=model,
        model_fingerprint=dict(fingerprint),
        data=data,
        data_sha256=asked.benchmark.fingerprint,
        conditions=asked.conditions,
        protocol=rules.name,
        protocol_sha256=rules.sha256,
        options={name: str(value) for name, value in options.items()},
        clips=asked.clips,
        questions=len(asked.benchmark),
        mma_bench=__version__,
        **more,
    )


def require_family(model: str, layout: str | None = None) -> None:
    """Check that a model runs here with all its layers, and reads the question last.

    Raises:
        MMABenchError: it does not.
    """
    kind = model_class(model)
    if issubclass(kind, Wrapper):
        raise MMABenchError(
            f"{model} cannot be diagnosed: +{kind.suffix} changes how a model is asked or decoded, not the model; "
            "leave it out"
        )
    if not issubclass(kind, TransformersOmni):
        raise MMABenchError(
            f"{model} cannot be diagnosed: only models of the family transformers run here with all their layers; "
            f"use `mma-bench eval` for {model.partition(':')[0]}"
        )
    _require_question_last(layout)


def _load(model: str | Diagnosed, options: Mapping[str, str]) -> Diagnosed:
    if isinstance(model, str):
        require_family(model, options.get("layout"))
        found = load_model(model, options)
    else:
        found = model
    if isinstance(found, PlainModel):
        require_readable(found.engine)
        return found
    if not isinstance(found, TransformersOmni):
        raise MMABenchError(unknown("cannot diagnose a", type(found).__name__, ["TransformersOmni", "PlainModel"]))
    _require_question_last(found.settings.layout)
    return found


def _shape(model: Diagnosed) -> tuple[int, int]:
    """Return the number of layers, and of attention heads per layer."""
    if isinstance(model, PlainModel):
        return shape_of(model.engine)
    thinker = model.engine.thinker
    return len(thinker.layers), int(thinker.decoder.config.num_attention_heads)


def _subjects(model: Diagnosed, asked: Asked, seed: int) -> Callable[[Sample], Subject]:
    """Return what prepares a stimulus for the model."""
    if isinstance(model, PlainModel):
        plain = model.engine
        return lambda sample: PlainSubject(plain, sample, asked.partners, seed)
    omni = model.engine
    return lambda sample: OmniSubject(omni, sample, asked.partners, seed)


def _possible(kinds: list[type[Part]], model: Diagnosed, asked_for: Sequence[str] | None) -> list[type[Part]]:
    """Return the parts that can be measured.

    Raises:
        MMABenchError: one cannot that was asked for.
    """
    if isinstance(model, TransformersOmni):
        return kinds
    wrong = left_out(kinds)
    if not wrong:
        return kinds
    reasons = "; ".join(f"{name} {reason}" for name, reason in wrong.items())
    if asked_for:
        raise MMABenchError(
            f"not for this family: the media of {model.name} are prepared by its own processor, but the part "
            f"{reasons}; leave it out"
        )
    print(f"note: parts that are not for this family are left out: {reasons}", file=sys.stderr, flush=True)
    return [kind for kind in kinds if kind.name not in wrong]


def _require_question_last(layout: str | None) -> None:
    """Check that the question is read after the media: its words are where a diagnosis looks for their effect.

    Raises:
        MMABenchError: it is read before them.
    """
    if layout == "question-first":
        raise MMABenchError(
            "layout=question-first cannot be diagnosed: a diagnosis measures what the question reads from the media "
            "before it; use interleaved, video-first or audio-first"
        )


def _measure(
    store: Store,
    head: Diagnosis,
    kinds: Sequence[type[Part]],
    model: Diagnosed,
    asked: Asked,
    *,
    progress: bool,
) -> Measured:
    """Measure what is missing: parts that read others after these, all others of a stimulus at the same time."""
    tables: dict[str, pa.Table] = {}
    names = list(asked.names.values())
    measured = Measured(tables, head.layers, head.heads, head.seed, head.model_fingerprint["weights"])
    left = [kind for kind in kinds if kind.measures]
    total = len(left) * len(names)
    with (
        bar(head.model, total, unit="part", show=progress) as shown,
        held_back(lambda: True) as interruption,
    ):
        while left and not interruption:
            ready = [kind for kind in left if not any(name in {one.name for one in left} for name in kind.reads)]
            running = [kind() for kind in ready]
            for one in running:
                one.prepare(measured)
            _measure_stimuli(store, running, model, asked, interruption, shown, head.seed)
            if not interruption:
                tables.update({one.name: store.gather(one, names) for one in running})
                left = [kind for kind in left if kind not in ready]
    return measured


def _measure_stimuli(
    store: Store,
    parts: Sequence[Part],
    model: Diagnosed,
    asked: Asked,
    interruption: Interruption,
    shown: "tqdm[Any]",
    seed: int,
) -> None:
    """Measure what is missing of some parts; each stimulus is encoded once for all of them."""
    finished = sum(store.has(one, name) for one in parts for name in asked.names.values())
    if not shown.disable:
        shown.initial += finished  # so that the time left follows from what is measured now
    shown.update(finished)
    prepared = _subjects(model, asked, seed)
    for sample in sorted(asked.benchmark.samples, key=lambda sample: sample.streams):
        subject, name = prepared(sample), asked.names[sample.stimulus.key]
        for one in parts:
            if interruption:
                return
            if not store.has(one, name):
                store.put(one, name, one.measure(subject))
                shown.update()
