"""What each token of a prompt is: the groups that all parts of a diagnosis speak of.

The map follows from the engine's layout, which writes the tokens, and from the parts of the prompt, which are stored
with the question. It is never guessed from token ids.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from mma_bench.models.omni.conversation import Kind
from mma_bench.questions.prompts import parts_of, pieces
from mma_bench.schema import Question

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mma_bench.models.omni.encode_once import EncodeOnce


class Group(StrEnum):
    """A group of tokens. The words of the question include its suffix and the commas between its options."""

    TEMPLATE = "template"
    VIDEO = "video"
    AUDIO = "audio"
    QUESTION = "question"
    OPTION = "option"
    CAPTION = "caption"
    UNRELATED = "unrelated"
    ANSWER = "answer"


GROUPS = tuple(Group)
"""All groups in the order of their codes."""

_CODE = {group: code for code, group in enumerate(GROUPS)}
_KINDS = {
    Kind.TEMPLATE: Group.TEMPLATE,
    Kind.VIDEO: Group.VIDEO,
    Kind.AUDIO: Group.AUDIO,
    Kind.TEXT: Group.QUESTION,
    Kind.ANSWER: Group.ANSWER,
}


@dataclass(frozen=True)
class TokenMap:
    """The tokens of a prompt and the answer after it. All arrays have the shape [tokens].

    Attributes:
        ids: id of each token.
        codes: its group, as an index of `GROUPS`.
        option: number of the option that it is part of, -1 elsewhere.
        seconds: time of a media token from the beginning of its stream, NaN elsewhere.
        row: row of the patch of a video token, counted from the top, -1 elsewhere.
        column: column of the patch, counted from the left, -1 elsewhere.
        media_end: number of tokens up to the end of the media. The question follows, unless it comes first.
        length: number of tokens before the answer.
    """

    ids: "NDArray[np.int64]"
    codes: "NDArray[np.int8]"
    option: "NDArray[np.int16]"
    seconds: "NDArray[np.float32]"
    row: "NDArray[np.int16]"
    column: "NDArray[np.int16]"
    media_end: int
    length: int

    @property
    def answering(self) -> int:
        """Position that predicts the first token of the answer."""
        return self.length - 1

    def of(self, *groups: Group) -> "NDArray[np.bool_]":
        """Return which tokens before the answer belong to one of ``groups``, shape [length]."""
        return np.isin(self.codes[: self.length], [_CODE[group] for group in groups])

    @property
    def present(self) -> list[Group]:
        """The groups that have a token before the answer, in the order of `GROUPS`."""
        codes = set(self.codes[: self.length].tolist())
        return [group for code, group in enumerate(GROUPS) if code in codes]


def map_tokens(
    engine: "EncodeOnce", grid: tuple[int, int, int] | None, frames: int, question: Question, answer: str
) -> TokenMap:
    """Return the map of a prompt.

    Args:
        engine: whose layout it is.
        grid: patches of the video along time, height and width, or none.
        frames: frames of the audio spectrum, 0 for no audio.
        question: what is asked; a prompt without parts is all question.
        answer: text after the prompt.

    Raises:
        MMABenchError: the tokenizer cannot tell which characters a token covers.
    """
    layout = engine.conversation.whole(grid, frames, question.prompt, answer)
    kinds = np.array([int(kind) for kind in layout.kinds])
    codes = np.zeros(len(kinds), np.int8)
    for kind, group in _KINDS.items():
        codes[kinds == kind] = _CODE[group]
    option = np.full(len(kinds), -1, np.int16)
    words = np.flatnonzero(kinds == Kind.TEXT)
    codes[words], option[words] = text_groups(question, engine.chat.offsets(question.prompt))
    seconds, row, column = _places(engine, grid, kinds)
    return TokenMap(
        ids=np.array(layout.ids),
        codes=codes,
        option=option,
        seconds=seconds,
        row=row,
        column=column,
        media_end=len(engine.conversation.media(grid, frames, engine.conversation.lead(question.prompt)).ids),
        length=int((kinds != Kind.ANSWER).sum()),
    )


def texts_of(prompt: str, length: int, first: int, offsets: list[tuple[int, int]]) -> list[str | None]:
    """Return the characters that each token covers; none for tokens that are not of the prompt.

    Args:
        prompt: text of the question.
        length: number of tokens before the answer.
        first: number of the prompt's first token.
        offsets: where each of the prompt's tokens begins and ends in it.
    """
    texts: list[str | None] = [None] * length
    before = (-1, -1)
    for place, (start, end) in enumerate(offsets, start=first):
        # A character of several tokens is written once.
        texts[place] = "" if (start, end) == before else prompt[start:end]
        before = (start, end)
    return texts


def text_groups(question: Question, offsets: list[tuple[int, int]]) -> "tuple[NDArray[np.int8], NDArray[np.int16]]":
    """Return the group and the option of each token of the prompt.

    A token that reaches over two pieces, as a space and the word after it do, belongs to the piece of its first
    character that is no space.
    """
    text = question.prompt
    codes, options = np.zeros(len(text) + 1, np.int8), np.full(len(text) + 1, -1, np.int16)
    start = 0
    for piece in pieces(parts_of(question), question.options):
        end = start + len(piece.text)
        codes[start:end] = _CODE[Group(piece.role)]
        options[start:end] = -1 if piece.option is None else piece.option
        start = end
    places = [
        next((place for place in range(begin, end) if not text[place].isspace()), begin) for begin, end in offsets
    ]
    return codes[places], options[places]


def _places(
    engine: "EncodeOnce", grid: tuple[int, int, int] | None, kinds: "NDArray[np.int64]"
) -> "tuple[NDArray[np.float32], NDArray[np.int16], NDArray[np.int16]]":
    """Return time, row and column of each token. Both streams keep their own order, whatever the layout."""
    seconds = np.full(len(kinds), np.nan, np.float32)
    row, column = np.full(len(kinds), -1, np.int16), np.full(len(kinds), -1, np.int16)
    heard = kinds == Kind.AUDIO
    seconds[heard] = np.arange(heard.sum()) / engine.thinker.positions_per_second
    if grid:
        merge = int(engine.thinker.config.vision_config.spatial_merge_size)
        steps, rows, columns = np.indices((grid[0], grid[1] // merge, grid[2] // merge)).reshape(3, -1)
        seen = kinds == Kind.VIDEO
        seconds[seen], row[seen], column[seen] = steps * engine.seconds_per_grid, rows, columns
    return seconds, row, column
