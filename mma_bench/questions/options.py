"""Variants of the options: their order, their number, and a way to say that none is right."""

import random
from collections.abc import Sequence

from mma_bench.errors import MMABenchError
from mma_bench.questions.prompts import NONE_OF_THE_ABOVE, parts_of, with_prompt
from mma_bench.questions.registry import Context, variant
from mma_bench.schema import Question

HARD_OPTIONS = 5
"""Options of the short set: the answer, what misleads, and classes that are much like the answer."""


def _always(question: Question) -> bool:
    return True


def _without_none(question: Question) -> bool:
    return NONE_OF_THE_ABOVE not in question.options


def _right_class_can_go(question: Question) -> bool:
    # Where the asked modality was removed no class is right, with or without it among the options.
    return question.answerable and _without_none(question) and len(question.options) > 1


@variant(_always, numbered=True)
def shuffled_options(question: Question, context: Context, generator: random.Random, number: int) -> Question:
    """The options in another order; N tells the orders apart."""
    return _listing(question, generator.sample(question.options, len(question.options)))


@variant(_without_none)
def none_present(question: Question, context: Context, generator: random.Random, number: int) -> Question:
    """A further, last option says that none is right; the answer stays among them."""
    return _listing(question, [*question.options, NONE_OF_THE_ABOVE])


@variant(_right_class_can_go)
def none_absent(question: Question, context: Context, generator: random.Random, number: int) -> Question:
    """The right class is no option; "None of the above" is one, and the answer."""
    others = [name for name in question.options if name != question.answer]
    return _listing(question, [*others, NONE_OF_THE_ABOVE]).changed(answer=NONE_OF_THE_ABOVE)


@variant(_always)
def hard_options(question: Question, context: Context, generator: random.Random, number: int) -> Question:
    """Five options: the answer, the class that misleads if there is one, and others of the answer's super-class."""
    group = context.super_classes.get(question.answer)
    if group is None:
        raise MMABenchError(
            f"hard_options needs the super-class of {question.answer!r}; build the dataset from a source that knows "
            "super-classes (docs/build.md)"
        )
    chosen = [name for name in (question.answer, question.distractor) if name is not None]
    near = [name for name in context.classes if context.super_classes.get(name) == group and name not in chosen]
    far = [name for name in context.classes if name not in near and name not in chosen]
    for names in (near, far):  # a small super-class is filled up with any class
        wanted = max(0, HARD_OPTIONS - len(chosen))
        chosen += generator.sample(names, min(wanted, len(names)))
    return _listing(question, generator.sample(chosen, len(chosen)))


def _listing(question: Question, options: Sequence[str]) -> Question:
    return with_prompt(question, parts_of(question), options)
