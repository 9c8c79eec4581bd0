"""From the stored standard questions to those of a protocol."""

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from mma_bench.dataset.load import Benchmark
from mma_bench.errors import MMABenchError
from mma_bench.evaluation.protocols.lies import NearSynonyms, without_hollow_lies
from mma_bench.evaluation.protocols.protocol import Protocol, Wording
from mma_bench.parsing import check_labels
from mma_bench.questions import STANDARD, Context, applies, prompts, vary
from mma_bench.schema import Question

_PAPER = Wording(
    question="Which class best describes the {modality} content of this video? {options} {suffix}",
    options="Options: {options}.",
    suffix=prompts.CLASS_NAME_SUFFIX,
    caption="Video_caption: {caption}.",
    caption_suffix=prompts.CAPTION_SUFFIX,
)


def apply_protocol(protocol: Protocol, benchmark: Benchmark) -> Benchmark:
    """Return ``benchmark`` with the questions of ``protocol``.

    Args:
        protocol: what is asked.
        benchmark: the data, with its standard questions. Other wordings that it stores are left out: a protocol
            makes its own, so that they do not depend on how the data was built.

    Raises:
        MMABenchError: the data has none of the questions, no answer could tell two of its classes apart, or a variant
            or wording cannot be made of one.
    """
    classes = dict.fromkeys(o for sample in benchmark.samples for q in sample.questions for o in q.options)
    check_labels(list(classes), str(benchmark.path))
    if protocol.exclude_near_synonyms:
        benchmark, _ = without_hollow_lies(benchmark, protocol.seed)
    context = Context(list(classes), benchmark.super_classes, protocol.seed)
    asks = functools.cache(protocol.asks)
    wording = None if protocol.wording == _PAPER else protocol.wording
    samples = []
    for sample in benchmark.samples:
        questions = [
            question if wording is None else _reworded(question, wording)
            for question in _questions(protocol, asks, sample.questions, context)
        ]
        if questions:
            samples.append(replace(sample, questions=questions))
    if not samples:
        raise MMABenchError(f"{benchmark.path}: the protocol {protocol.name} asks none of these questions")
    return Benchmark(benchmark.path, samples)


def near_synonyms_of(protocol: Protocol, benchmark: Benchmark) -> NearSynonyms:
    """Return what ``protocol`` does about the near-synonyms among the lies of ``benchmark``."""
    if not protocol.exclude_near_synonyms:
        return NearSynonyms()
    asked = [
        replace(sample, questions=questions)
        for sample in benchmark.samples
        if (
            questions := [q for q in sample.questions if q.variant == STANDARD and protocol.asks(q.condition, STANDARD)]
        )
    ]
    return without_hollow_lies(Benchmark(benchmark.path, asked), protocol.seed)[1]


def _questions(
    protocol: Protocol, asks: Callable[[str, str], bool], stored: Sequence[Question], context: Context
) -> Iterator[Question]:
    for rule in protocol.variants:
        for question in stored:
            if question.variant != STANDARD or not asks(question.condition, rule.name):
                continue
            if applies(question, rule.name):
                yield vary(question, rule.name, context)


def _reworded(question: Question, wording: Wording) -> Question:
    """Return ``question`` in the words of ``wording``; the caption and the noise around it stay."""
    modality, options = question.modality, question.options
    forms = (
        (prompts.question(modality, options, suffix=prompts.CAPTION_SUFFIX), wording.caption_suffix),
        (prompts.question(modality, options), wording.suffix),
    )
    for stored, suffix in forms:
        if question.prompt.count(stored) == 1:
            listed = wording.options.format(options=", ".join(options))
            asked = wording.question.format(modality=modality, options=listed, suffix=suffix)
            prompt = question.prompt.replace(stored, asked)
            break
    else:
        raise MMABenchError(f"{question.question_id}: its prompt is not worded as ours are; use the protocol paper")
    if question.distractor is not None:
        bare = prompts.caption_line(question.distractor)
        if prompt.startswith(bare):
            prompt = wording.caption.format(caption=question.distractor) + prompt.removeprefix(bare)
    return question.changed(prompt=prompt)
