"""The probe's verdict about models that get media in different ways and answer in different ways."""

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

import mma_bench
from mma_bench.dataset.load import Sample
from mma_bench.dataset.media import Media
from mma_bench.models import Answer, Model
from mma_bench.probe import Verdict, probe
from mma_bench.schema import Modality
from tests.models.endpoint_server import video_frames, waveform

REACHES, MISSING, UNCLEAR = Verdict.REACHES, Verdict.MISSING, Verdict.UNCLEAR
SEES, HEARS = Modality.VISUAL, Modality.AUDIO


def frames_of(media: Media) -> int:
    return len(media.frames(2))


def video_of(media: Media) -> int:
    return len(video_frames(media.video_bytes)) // 5


class Constant(Model):
    """Gives one answer to everything, with token counts of what it gets."""

    def __init__(self, video: object = frames_of, gets: Sequence[Modality] = (SEES, HEARS)) -> None:
        self.video, self.gets = video, gets

    def answer(self, sample: Sample) -> list[Answer]:
        tokens = len(sample.questions[0].prompt.split())
        tokens += 10 * self.video(sample.media) if SEES in self.gets else 0  # type: ignore[operator]
        tokens += len(sample.media.audio()) // 640 if HEARS in self.gets else 0
        return [Answer(question.question_id, "Dog", input_tokens=tokens) for question in sample.questions]


class Muxed(Constant):
    """The same, from one file with both."""

    def answer(self, sample: Sample) -> list[Answer]:
        content = sample.media.mp4()
        tokens = 10 * (len(video_frames(content)) // 5) if SEES in self.gets else 0
        tokens += len(waveform(content)) // 640 if HEARS in self.gets else 0
        return [Answer(question.question_id, "Dog", input_tokens=tokens) for question in sample.questions]


@pytest.mark.parametrize("gets", [(SEES, HEARS), (SEES,), (HEARS,), ()], ids=["both", "deaf", "blind", "neither"])
@pytest.mark.parametrize("feed", ["frames", "video", "muxed"])
def test_honest_token_counts_tell_what_reaches_a_constant_model(feed: str, gets: tuple[Modality, ...]) -> None:
    model = Muxed(gets=gets) if feed == "muxed" else Constant(frames_of if feed == "frames" else video_of, gets)
    expected = [REACHES if modality in gets else MISSING for modality in Modality]
    assert [finding.verdict for finding in probe(model).findings] == expected


class Counting(Model):
    """Sees and hears nothing; its answers change with the number of questions so far."""

    def __init__(self, period: int, block: int) -> None:
        self.period, self.block, self.asked = period, block, 0

    def answer(self, sample: Sample) -> list[str]:
        said = f"Answer {self.asked // self.block % self.period}"
        self.asked += 1
        return [said]


@pytest.mark.parametrize(("period", "block"), [(2, 1), (2, 2), (3, 1), (2, 5)])
def test_answers_that_alternate_are_no_sign_of_media(period: int, block: int) -> None:
    assert [finding.verdict for finding in probe(Counting(period, block)).findings] == [UNCLEAR, UNCLEAR]


class Noisy(Model):
    """Answers by chance, whatever it is shown."""

    def __init__(self, seed: int = 0) -> None:
        self.random = random.Random(seed)

    def answer(self, sample: Sample) -> list[str]:
        return [self.random.choice(question.options) for question in sample.questions]


def test_what_is_unclear_is_said_before_the_questions_and_recorded(
    demo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mma_bench.evaluate(Noisy(), demo, run=tmp_path / "run", condition="aligned", limit=1, progress=False)
    notes = capsys.readouterr().err.splitlines()
    assert [note.partition(" reaches ")[0] for note in notes] == [
        f"note: it is unclear whether {modality}" for modality in Modality
    ]
    assert all("the same stimulus got different answers" in note and "logprobs=5" in note for note in notes)
    assert (tmp_path / "run" / "probe.json").read_text().count('"unclear"') == 2
