"""From the stored standard questions to those of a protocol."""

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from mma_bench.dataset.load import Benchmark
from mma_bench.errors import MMABenchError
from mma_bench.evaluation.protocols.counterparts import without_lone_questions
from mma_bench.evaluation.protocols.lies import NearSynonyms, without_hollow_lies
from mma_bench.evaluation.protocols.protocol import Protocol, Wording
from mma_bench.parsing import check_labels
from mma_bench.questions import STANDARD, Context, applies, prompts, vary
from mma_bench.schema import Question

_PAPER = Wording(
    question=prompts.QUESTION,
    options=prompts.OPTIONS,
    suffix=prompts.CLASS_NAME_SUFFIX,
    caption=prompts.CAPTION,
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
    samples = without_lone_questions(samples, asks)
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
    """Return ``question`` in the words of ``wording``; captions in other words and the text around it stay.

    Raises:
        MMABenchError: the question or its suffix is not ours but that of a condition or variant: it would be lost.
    """
    parts = prompts.parts_of(question)
    if not prompts.lists_options(parts):
        raise prompts.without_parts(question, "the wording")
    own = {
        "question": parts.question != prompts.standard(question.modality).question,
        "suffix": parts.suffix not in (prompts.CLASS_NAME_SUFFIX, prompts.CAPTION_SUFFIX),
    }
    if changed := [part for part, is_own in own.items() if is_own]:
        raise MMABenchError(
            f"{question.question_id}: cannot be worded by the protocol, because its {changed[0]} is not the standard "
            f"one; leave the condition {question.condition} or the variant {question.variant} out of the protocol, or "
            "use a protocol with the standard wording"
        )
    caption, name = parts.caption, parts.caption_class
    if name is not None and caption == prompts.caption_line(name):
        caption = wording.caption.format(caption=name)
    suffix = wording.caption_suffix if parts.suffix == prompts.CAPTION_SUFFIX else wording.suffix
    template = prompts.question_template(wording.question, wording.options, question.modality)
    return prompts.with_prompt(question, parts.changed(question=template, suffix=suffix, caption=caption))
