"""The token map names every token of a prompt, for both families, all conditions and all interleavings."""

import random

import numpy as np
import pytest

from mma_bench.conditions import TEXT
from mma_bench.diagnosis.token_map import GROUPS, Group, TokenMap, map_tokens
from mma_bench.models.omni import EncodeOnce, Settings
from mma_bench.models.omni.random_weights import Size, random_thinker
from mma_bench.questions import prompts
from mma_bench.questions.prompts import pieces, render
from mma_bench.schema import Modality, Prompt, Question
from mma_bench.streaming.conflicts import TEXT_CONFLICTS
from tests.planted import stimulus

FAMILIES = ("Qwen2_5OmniThinkerForConditionalGeneration", "Qwen3OmniMoeThinkerForConditionalGeneration")
CLASSES = ["Church_bell", "Dog", "Dog bark", "Water"]
MEDIA: dict[str, tuple[tuple[int, int, int] | None, int]] = {
    "video and sound": ((5, 4, 6), 530),
    "sound ends late": ((2, 4, 4), 700),
    "video ends late": ((9, 2, 4), 210),
    "video": ((3, 4, 4), 0),
    "sound": (None, 300),
}


@pytest.fixture(scope="module", params=FAMILIES)
def engine(request: pytest.FixtureRequest) -> EncodeOnce:
    thinker, tokenizer, extractor = random_thinker(request.param, Size())
    return EncodeOnce(thinker, tokenizer, extractor, thinker.frame_format({}, 1, 112 * 112), Settings())


def asked(name: str) -> Question:
    """A question of a condition, by the function that builder and stream share."""
    plain = stimulus("a", "misaligned", "Dog", "Water", CLASSES).questions[1]
    return TEXT_CONFLICTS[name](plain, ("Dog", "Water"), random.Random(1)) if name in TEXT else plain


def told(question: Question) -> list[tuple[str, int]]:
    """Group and option of each character: what a reader of the prompt would say, from its text alone."""
    begin, end = question.prompt.index("Options: ") + 9, question.prompt.index(". Answer")
    body = question.prompt.index("Which class")
    labels = [("unrelated", -1)] * body + [("question", -1)] * (len(question.prompt) - body)
    if "Video_caption: " in question.prompt:
        labels[question.prompt.index("Video_caption: ") : body] = [("caption", -1)] * body
    place = begin
    for number, option in enumerate(CLASSES):
        labels[place : place + len(option)] = [("option", number)] * len(option)
        place += len(option) + 2
    assert place - 2 == end
    answers = [question.prompt.find(f"{said}.") + len(said) + 1 for said in ("single class name", "word or phrase")]
    last = max(answers)
    labels[last:] = [("unrelated", -1)] * (len(question.prompt) - last)
    return labels[: len(question.prompt)]


def merged_spaces(question: Question, labels: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """A space between two pieces belongs to the second."""
    found = list(labels)
    for place, character in enumerate(question.prompt[:-1]):
        if character == " " and labels[place][0] in ("caption", "unrelated", "question"):
            follows = labels[place + 1][0]
            if follows != labels[place][0] and follows in ("question", "unrelated"):
                found[place] = labels[place + 1]
    return found


@pytest.mark.parametrize("media", MEDIA)
@pytest.mark.parametrize("name", ["misaligned", *TEXT])
def test_every_token_has_its_group(engine: EncodeOnce, name: str, media: str) -> None:
    grid, frames = MEDIA[media]
    question = asked(name)
    found = map_tokens(engine, grid, frames, question, "Water")
    names = [GROUPS[code] for code in found.codes]
    chat = engine.chat
    ids = found.ids.tolist()
    assert found.answering == found.length - 1
    text = ids[found.media_end : found.length]
    # The tokenizer of these tests reads one byte at a time, so a character is a token.
    expected = merged_spaces(question, told(question))
    assert chat.decode(text[: len(expected)]) == question.prompt
    spoken = list(zip(names[found.media_end :], found.option[found.media_end :].tolist(), strict=True))
    assert spoken[: len(expected)] == expected
    assert set(names[found.media_end + len(expected) : found.length]) == {Group.TEMPLATE}
    assert names[found.length :] == [Group.ANSWER] * (len("Water") + 1)
    for place, token in enumerate(ids[: found.media_end]):
        special = {chat.video_id: Group.VIDEO, chat.audio_id: Group.AUDIO}
        assert names[place] == special.get(token, Group.TEMPLATE)


@pytest.mark.parametrize("media", MEDIA)
def test_time_and_place_are_those_of_the_position_ids(engine: EncodeOnce, media: str) -> None:
    """Position ids are computed by transformers: time in units of the family, row and column from the media's begin."""
    grid, frames = MEDIA[media]
    found = map_tokens(engine, grid, frames, asked("misaligned"), "Water")
    positions = engine.conversation.media(grid, frames).positions.double().numpy()
    seen, heard = (np.flatnonzero(found.of(group)) for group in (Group.VIDEO, Group.AUDIO))
    assert (len(seen) > 0, len(heard) > 0) == (grid is not None, frames > 0)
    rate = engine.thinker.positions_per_second
    if len(heard):
        assert positions[0, heard] - positions[0, heard[0]] == pytest.approx(found.seconds[heard] * rate, abs=1e-4)
        assert found.seconds[heard[-1]] < frames / 100
    if len(seen):
        times = positions[0, seen] - positions[0, seen[0]]
        assert times == pytest.approx(found.seconds[seen] * rate, abs=1)  # one family rounds down to whole positions
        for axis, place in ((1, found.row), (2, found.column)):
            assert (positions[axis, seen] - positions[axis, seen[0]]).tolist() == place[seen].tolist()
    others = found.codes[found.media_end : found.length]
    assert not np.isin(others, [GROUPS.index(Group.VIDEO), GROUPS.index(Group.AUDIO)]).any()


def test_words_that_are_one_token_belong_to_the_piece_of_their_first_letter() -> None:
    question = asked("misaligned")
    thinker, tokenizer, extractor = random_thinker(FAMILIES[0], Size(), texts=[question.prompt])
    engine = EncodeOnce(thinker, tokenizer, extractor, thinker.frame_format({}, 1, 112 * 112), Settings())
    found = map_tokens(engine, None, 300, question, "Water")
    for number, option in enumerate(CLASSES):
        assert engine.chat.decode(found.ids[found.option == number].tolist()).strip() == option
    assert (found.option >= 0).sum() < len(question.prompt) / 4, "options must be words for this to show anything"


def test_a_prompt_without_parts_is_all_question(engine: EncodeOnce) -> None:
    question = asked("misaligned").changed(prompt="Say Dog or Water {options}. ü 漢字")
    found: TokenMap = map_tokens(engine, None, 300, question, "Water")
    assert question.parts is None
    assert found.present == [Group.TEMPLATE, Group.AUDIO, Group.QUESTION]
    assert (found.option == -1).all()


@pytest.mark.parametrize(
    "question", ["Which? {options} {suffix}", "{suffix} {{of}} {options}", "{options}", "What?", ""]
)
@pytest.mark.parametrize(
    "around", [{}, {"before": "A b."}, {"caption": "C."}, {"before": "A.", "caption": "C.", "after": "z"}]
)
def test_pieces_joined_are_the_prompt(question: str, around: dict[str, str]) -> None:
    parts = Prompt(question=question, suffix="Say it.", **around)
    assert "".join(piece.text for piece in pieces(parts, CLASSES)) == render(parts, CLASSES)
    bare = prompts.standard(Modality.AUDIO)
    assert [piece.text for piece in pieces(bare, CLASSES) if piece.role == "option"] == CLASSES
