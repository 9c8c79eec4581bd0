"""Text before a question that should not change its answer."""

from mma_bench.interference import sentences
from mma_bench.interference.interventions.registry import Change, Draw, Strength, intervention
from mma_bench.interference.items import Item
from mma_bench.interference.prompts import misleading_sentence
from mma_bench.questions.likeness import reads_alike

DRAWN = 10
"""Sentences that the paper (arXiv 2505.19616) draws."""

_COUNT = Strength("number of sentences", DRAWN, 1, 25)


@intervention("text", strength=_COUNT)
def unrelated_true_text(item: Item, draw: Draw) -> Change | None:
    """True sentences about other things, before the question."""
    text = sentences.draw(draw.generator, draw.count, item.options, true=True)
    return Change(before=text) if text else None


@intervention("text", strength=_COUNT)
def unrelated_false_text(item: Item, draw: Draw) -> Change | None:
    """False sentences about other things, before the question."""
    text = sentences.draw(draw.generator, draw.count, item.options, true=False)
    return Change(before=text) if text else None


@intervention("text")
def misleading_text(item: Item, draw: Draw) -> Change | None:
    """A sentence that suggests a wrong option; never the right one, or one that reads like it."""
    right = {item.answer, *item.labels}
    lies = [option for option in item.options if not any(reads_alike(option, name) for name in right)]
    if not lies:
        return None
    wrong = draw.generator.choice(lies)
    return Change(caption=misleading_sentence(item.misleading, wrong), suggested=wrong)
