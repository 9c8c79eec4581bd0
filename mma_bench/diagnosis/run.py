"""Measures the parts of a diagnosis, stimulus by stimulus, and writes tables, numbers, figures and page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mma_bench import __version__
from mma_bench.console.interruption import Interruption, held_back
from mma_bench.console.progress import activity, bar
from mma_bench.dataset.layout import conditions_in_order
from mma_bench.dataset.load import Benchmark, load
from mma_bench.diagnosis.comparison import Other, open_other
from mma_bench.diagnosis.numbers import Number, numbers_table
from mma_bench.diagnosis.page import write_page
from mma_bench.diagnosis.parts import load_parts
from mma_bench.diagnosis.registry import PARTS, Measured, Part
from mma_bench.diagnosis.samples import show_samples
from mma_bench.diagnosis.store import Diagnosis, Store
from mma_bench.diagnosis.subject import Subject, partners_of
from mma_bench.errors import MMABenchError, unknown
from mma_bench.evaluation.protocols import apply_protocol, load_protocol, model_options
from mma_bench.evaluation.shards.shard import clip_of
from mma_bench.files.atomic import write_bytes
from mma_bench.models import load as load_model
from mma_bench.models import model_class
from mma_bench.models.omni.model import TransformersOmni
from mma_bench.models.wrappers import Wrapper

if TYPE_CHECKING:
    import pyarrow as pa
    from tqdm import tqdm

CONDITIONS = ("aligned", "misaligned", "misleading_caption")
"""Conditions that are diagnosed by default, as far as the dataset has them."""


@dataclass(frozen=True)
class Found:
    """What a diagnosis found.

    Attributes:
        head: what was asked of whom.
        measured: the tables by part.
        numbers: all numbers with intervals.
    """

    head: Diagnosis
    measured: Measured
    numbers: list[Number]


def chosen_parts(names: Sequence[str] | None) -> list[type[Part]]:
    """Return the parts called ``names`` (by default all) and those that they read, in the order of measuring.

    Raises:
        MMABenchError: there is no such part.
    """
    load_parts()
    chosen: dict[str, type[Part]] = {}

    def add(name: str) -> None:
        kind = PARTS.find(name)
        for needed in kind.reads:
            add(needed)
        chosen.setdefault(name, kind)

    for name in names or list(PARTS):
        add(name)
    return list(chosen.values())


def diagnose(
    model: str | TransformersOmni,
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
        model: a name such as ``transformers:FOLDER``, or a loaded model of that family.
        data: folder of a dataset, or its name on the hub.
        run: folder for `index.html`, one Parquet file per part, `estimates.parquet`, `figures/` and `tables/`.
        options: settings of the model by name, for a model given by name.
        parts: names of the parts to measure; by default all. Parts that they read are measured, too.
        condition: one condition or several; by default those of `CONDITIONS` that the data has.
        split: `test` or `train`.
        limit: maximum number of stimuli per media condition.
        protocol: whose questions are asked.
        seed: of random controls, of the split of clips in halves and of the bootstrap.
        against: folder of an earlier diagnosis of the same questions, such as of the model before tuning; figures show
            both, and what can be is compared clip by clip.
        overwrite: discard an existing diagnosis and start over.
        progress: show progress and the remaining time on standard error.

    Returns:
        The tables and the numbers.

    Raises:
        MMABenchError: the data, the protocol or the model cannot be used, or ``run`` holds something else.
    """
    kinds = chosen_parts(parts)
    rules = load_protocol(protocol)
    with activity(f"reading {data}", show=progress):
        wanted = condition or default_conditions(data, split)
        benchmark = apply_protocol(rules, load(data, condition=wanted, split=split, limit=limit))
    with activity(f"loading {model}", show=progress and isinstance(model, str)):
        loaded = _load(model, model_options(rules, model, options or {}) if isinstance(model, str) else {})
    config = loaded.engine.thinker.decoder.config
    head = Diagnosis(
        model=loaded.name,
        model_fingerprint=loaded.fingerprint(),
        data=str(data),
        data_sha256=benchmark.fingerprint,
        split=split,
        conditions=conditions_in_order({q.condition for sample in benchmark.samples for q in sample.questions}),
        protocol=rules.name,
        protocol_sha256=rules.sha256,
        seed=seed,
        limit=limit,
        parts=[kind.name for kind in kinds],
        layers=len(loaded.engine.thinker.layers),
        heads=int(config.num_attention_heads),
        clips=len({clip_of(sample.stimulus) for sample in benchmark.samples}),
        questions=len(benchmark),
        mma_bench=__version__,
    )
    store = Store(Path(run))
    other = open_other(Path(against), head) if against else None
    store.begin(head, overwrite=overwrite)
    measured = _measure(store, head, kinds, loaded, benchmark, progress=progress)
    with activity("computing intervals, drawing figures", show=progress):
        return _conclude(store, head, kinds, measured, benchmark, other)


def default_conditions(data: str | Path, split: str) -> list[str]:
    """Return which of `CONDITIONS` the data has.

    Raises:
        MMABenchError: none.
    """
    stored = load(data, split=split)
    present = {question.condition for sample in stored.samples for question in sample.questions}
    found = [name for name in CONDITIONS if name in present]
    if not found:
        raise MMABenchError(f"{data} has none of the conditions {', '.join(CONDITIONS)}; choose some with --condition")
    return found


def require_family(model: str) -> None:
    """Check that a model runs here with all its layers.

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


def _load(model: str | TransformersOmni, options: Mapping[str, str]) -> TransformersOmni:
    if isinstance(model, str):
        require_family(model)
        found = load_model(model, options)
    else:
        found = model
    if not isinstance(found, TransformersOmni):
        raise MMABenchError(unknown("cannot diagnose a", type(found).__name__, ["TransformersOmni"]))
    return found


def _measure(
    store: Store,
    head: Diagnosis,
    kinds: Sequence[type[Part]],
    model: TransformersOmni,
    benchmark: Benchmark,
    *,
    progress: bool,
) -> Measured:
    """Measure what is missing: parts that read others after these, all others of a stimulus at the same time."""
    tables: dict[str, pa.Table] = {}
    keys = [sample.stimulus.key for sample in benchmark.samples]
    measured = Measured(tables, head.layers, head.heads, head.seed, head.model_fingerprint["weights"])
    left = [kind for kind in kinds if kind.measures]
    total = len(left) * len(keys)
    with (
        bar(head.model, total, unit="part", show=progress) as shown,
        held_back(lambda: True) as interruption,
    ):
        while left and not interruption:
            ready = [kind for kind in left if not any(name in {one.name for one in left} for name in kind.reads)]
            running = [kind() for kind in ready]
            for one in running:
                one.prepare(measured)
            _measure_stimuli(store, running, model, benchmark, interruption, shown, head.seed)
            if not interruption:
                tables.update({one.name: store.gather(one, keys) for one in running})
                left = [kind for kind in left if kind not in ready]
    return measured


def _measure_stimuli(
    store: Store,
    parts: Sequence[Part],
    model: TransformersOmni,
    benchmark: Benchmark,
    interruption: Interruption,
    shown: "tqdm[Any]",
    seed: int,
) -> None:
    """Measure what is missing of some parts; each stimulus is encoded once for all of them."""
    partners = partners_of(benchmark)
    finished = sum(store.has(one, sample.stimulus.key) for one in parts for sample in benchmark.samples)
    if not shown.disable:
        shown.initial += finished  # so that the time left follows from what is measured now
    shown.update(finished)
    for sample in sorted(benchmark.samples, key=lambda sample: sample.streams):
        subject = Subject(model.engine, sample, partners, seed)
        for one in parts:
            if interruption:
                return
            if not store.has(one, sample.stimulus.key):
                store.put(one, sample.stimulus.key, one.measure(subject))
                shown.update()


def _conclude(
    store: Store,
    head: Diagnosis,
    kinds: Sequence[type[Part]],
    measured: Measured,
    benchmark: Benchmark,
    other: Other | None,
) -> Found:
    """Compute the numbers, and write them, the figures and the page."""
    numbers = []
    for kind in kinds:
        one = kind()
        numbers += one.numbers(measured)
        if other:
            numbers += one.changes(other.measured, measured)
        for name, content in one.files(measured).items():
            write_bytes(store.folder / name, content)
    store.write("estimates", numbers_table(numbers))
    samples = show_samples(measured.tables["tokens"], benchmark, store.folder) if "tokens" in measured.tables else []
    write_page(store.folder, head, kinds, numbers, samples, other)
    return Found(head, measured, numbers)
