"""How much a protocol asks about the 658 published clips: stimuli, questions, requests and tokens.

python scripts/run_size.py            # prints the table of docs/evaluate.md

Counts come from the protocols themselves and the published list. Tokens are an estimate; see the constants.
"""

import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from builder.select.official import official_classes, official_clips
from mma_bench.dataset.load import Benchmark, Sample
from mma_bench.dataset.media import Media
from mma_bench.evaluation.protocols import Protocol, apply_protocol, load_protocol
from mma_bench.questions import prompts
from mma_bench.schema import PAPER_CONDITIONS, Modality, Question, Stimulus, Stream

SECONDS = 10
NOISE_LETTERS = 10_000
MEDIA = ("aligned", "misaligned", "audio_removed", "frames_zeroed")
TEXT = ("misleading_caption", "long_context")

MEDIA_TOKENS = SECONDS * (504 // 28) ** 2 + SECONDS * 25
"""Of a clip for Qwen2.5-Omni at 2 frames per second: two frames of 504x504 pixels make (504 / 28)^2 = 324 tokens, and a
second of audio 25."""

CHARACTERS_A_TOKEN = 4
"""Of English words, roughly; of noise, each space and letter is a token."""

ANSWER_TOKENS = 5
"""Of a class name, roughly."""


@dataclass(frozen=True)
class Size:
    """What a protocol asks.

    Attributes:
        stimuli: different pairs of streams, each encoded once by a local model.
        questions: questions, each a request to a server.
        text_tokens: of all prompts.
    """

    stimuli: int
    questions: int
    text_tokens: int

    @property
    def server_tokens(self) -> int:
        """Input tokens of a server, which gets the media with each question."""
        return self.questions * MEDIA_TOKENS + self.text_tokens

    @property
    def local_tokens(self) -> int:
        """Input tokens of a local model, which encodes the media of a stimulus once."""
        return self.stimuli * MEDIA_TOKENS + self.text_tokens


def run_size(protocol: Protocol) -> Size:
    """Return what ``protocol`` asks about the published clips under the six conditions of the paper."""
    asked = apply_protocol(protocol, Benchmark(Path(__file__).parent, list(_samples())))
    texts = sum(_text_tokens(question) for sample in asked.samples for question in sample.questions)
    return Size(len(asked.samples), len(asked), texts)


def _text_tokens(question: Question) -> int:
    noise = 2 * NOISE_LETTERS if question.condition == "long_context" else 0
    return NOISE_LETTERS * bool(noise) + (len(question.prompt) - noise) // CHARACTERS_A_TOKEN


def _samples() -> Iterator[Sample]:
    classes = official_classes()
    noise = prompts.random_letters(NOISE_LETTERS, "size")
    generator = random.Random(0)
    for clip in official_clips():
        lie = generator.choice([name for name in classes if name != clip.label])
        for media in MEDIA:
            conditions = [media, *(TEXT if media == "aligned" else ())]
            questions = [
                _question(f"{media}-{clip.clip_id}", name, modality, classes, clip.label, lie, noise)
                for name in conditions
                for modality in Modality
            ]
            yield _sample(f"{media}-{clip.clip_id}", media, clip.label, questions)


def _question(
    key: str, condition: str, modality: Modality, classes: list[str], answer: str, lie: str, noise: str
) -> Question:
    parts = prompts.standard(modality)
    if condition == "misleading_caption":
        parts = prompts.captioned(parts, lie)
    elif condition == "long_context":
        parts = prompts.padded(parts, noise, "after")
    removed = {"audio_removed": Modality.AUDIO, "frames_zeroed": Modality.VISUAL}.get(condition)
    return Question(
        question_id=f"{key}/{condition}/{modality}",
        condition=condition,
        modality=modality,
        prompt=prompts.render(parts, classes),
        parts=parts,
        options=classes,
        answer=answer,
        distractor=lie if condition in ("misaligned", "misleading_caption") else None,
        answerable=removed is not modality,
    )


def _sample(key: str, media: str, label: str, questions: list[Question]) -> Sample:
    stream = Stream(origin="clip", clip_id=key, label=label, sha256="", seconds=SECONDS)
    stimulus = Stimulus(
        key=key, condition=media, split="test", video=stream, audio=stream, seconds=SECONDS, questions=questions
    )
    return Sample(stimulus, questions, Media(key, lambda: b"", lambda: b"", SECONDS))


def table() -> list[str]:
    """Return the rows of the table in docs/evaluate.md."""
    rows = [
        "| protocol | stimuli | questions | per clip | input tokens, server | input tokens, local model |",
        "|---|---|---|---|---|---|",
    ]
    for name in ("paper", "robust"):
        size = run_size(load_protocol(name))
        per_clip = size.questions / len(official_clips())
        rows.append(
            f"| `{name}` | {size.stimuli:,} | {size.questions:,} | {per_clip:.3g} "
            f"| {size.server_tokens / 1e6:.0f} million | {size.local_tokens / 1e6:.0f} million |"
        )
    return rows


if __name__ == "__main__":
    assert set(MEDIA + TEXT) == set(PAPER_CONDITIONS)
    print("\n".join(table()))
