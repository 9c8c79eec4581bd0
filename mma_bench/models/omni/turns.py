"""Which questions about a stimulus are read together, and what is read before them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mma_bench.models.omni.conversation import Conversation


@dataclass(frozen=True)
class Turn:
    """Questions that follow the same prefix in one batch.

    Attributes:
        lead: text before the media: nothing, or the only question, if the question comes first.
        members: which of the questions.
        token_ids: for each of them, the tokens between the media and the answer.
    """

    lead: str
    members: Sequence[int]
    token_ids: Sequence[Sequence[int]]


def turns(conversation: Conversation, prompts: Sequence[str], size: int) -> Iterator[Turn]:
    """Split questions into batches.

    With the question first, every question is alone: keys and values of the media depend on what was read before them,
    so the language model reads the media again for each question. The encoders still run once.

    Args:
        conversation: which part comes first.
        prompts: the questions.
        size: maximum number of questions in a batch.
    """
    token_ids = [conversation.rest(prompt) for prompt in prompts]
    if conversation.question_first:
        yield from (Turn(prompt, [i], [token_ids[i]]) for i, prompt in enumerate(prompts))
        return
    for group in groups([len(ids) for ids in token_ids], size):
        yield Turn("", group, [token_ids[i] for i in group])


def groups(lengths: Sequence[int], size: int) -> Iterator[list[int]]:
    """Batch questions of about equal length, to avoid padding short ones to the length of long ones."""
    group: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda index: lengths[index]):
        if group and (len(group) == size or lengths[index] > 2 * lengths[group[0]] + 32):
            yield group
            group = []
        group.append(index)
    if group:
        yield group
