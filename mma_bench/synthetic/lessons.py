"""What the tiny model sees in pretraining: no conflicts, and no questions that it cannot answer.

Published models are trained this way: clips as recorded, images and audio alone, true captions. A model trained like
this never has to learn which modality to trust.
"""

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from mma_bench.dataset.columns import AUDIO_RATE
from mma_bench.models.omni.training_batch import Exchange, TrainingBatch
from mma_bench.questions import prompts
from mma_bench.schema import Modality
from mma_bench.synthetic.augmentation import erased, moved
from mma_bench.synthetic.kinds import CLASSES
from mma_bench.synthetic.picture import draw_frames
from mma_bench.synthetic.scene import SECONDS, clip_seed, make_scene
from mma_bench.synthetic.sound import play
from mma_bench.synthetic.tiny_model import REPEAT, SAID

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray


class Mix(BaseModel):
    """Shares of the kinds of examples; the rest are clips with video and audio."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    without_sound: float = Field(0.25, ge=0, le=1, description="share of clips with silence as audio")
    without_picture: float = Field(0.25, ge=0, le=1, description="share of clips with black frames")
    caption_alone: float = Field(0.1, ge=0, le=1, description="share of text without a clip: a caption and a question")
    dictation: float = Field(0.05, ge=0, le=1, description="share of text without a clip: a sentence to repeat")
    true_caption: float = Field(1 / 3, ge=0, le=1, description="share of other prompts with a true caption")
    letters: float = Field(0.1, ge=0, le=1, description="share of batches with random letters after the prompts")
    most_letters: int = Field(100, ge=1, description="most letters")

    @model_validator(mode="after")
    def _check_sum(self) -> "Mix":
        if self.without_sound + self.without_picture + self.caption_alone + self.dictation > 1:
            raise ValueError("without_sound, without_picture, caption_alone and dictation add up to more than 1")
        return self


@dataclass
class Lessons:
    """Examples for training and for monitoring it.

    Attributes:
        batch: makes inputs from rendered clips.
        mix: shares of the kinds of examples.
        seed: of the choice of clips and questions.
        clips: number of different clips per class, for the towers and again for the language model, which would
            rely too much on the towers' output for clips that they were trained on; rendering takes 12 ms each.
    """

    batch: TrainingBatch
    mix: Mix
    seed: int
    clips: int
    _rendered: "dict[tuple[str, int], tuple[NDArray[np.uint8], torch.Tensor]]" = field(default_factory=dict, init=False)

    def training(self, size: int, captions: int) -> Iterator[list[Exchange]]:
        """Yield batches of questions endlessly; each clip is used equally often.

        In the first ``captions`` batches, the target names the asked modality before the class. Nothing else in the
        lessons depends on the question's word for it, and a model that never had to read that word cannot learn to
        use it in a few hundred steps.
        """
        generator = random.Random(f"{self.seed}/lessons")  # noqa: S311
        deck = self._deck(generator, _FIRST + self.clips)
        for number in itertools.count():
            letters = generator.randint(1, self.mix.most_letters) if generator.random() < self.mix.letters else 0
            batch = [self._example(*next(deck), letters, generator) for _ in range(size)]
            yield [_captioned(example, asked) if number < captions else example for asked, example in batch]

    def naming(self, size: int) -> Iterator[list[Exchange]]:
        """Yield batches of clips with their classes and no question, endlessly."""
        generator = random.Random(f"{self.seed}/naming")  # noqa: S311
        deck = self._deck(generator, _FIRST)
        while True:
            yield [self._make(*next(deck), (), "", generator, erase=True) for _ in range(size)]

    def one_sense(self, modality: Modality, count: int) -> list[Exchange]:
        """Return questions about clips of the test split with only ``modality`` left."""
        removed = Modality.AUDIO if modality is Modality.VISUAL else Modality.VISUAL
        chosen = [(CLASSES[number % len(CLASSES)], clip_seed("test", number)) for number in range(count)]
        return [self._make(*clip, (removed,), prompts.question(modality, CLASSES)) for clip in chosen]

    def example(
        self,
        name: str,
        seed: int,
        removed: Sequence[Modality],
        prompt: str,
        target: str,
        generator: random.Random,
    ) -> Exchange:
        """Return any question about a clip.

        Args:
            name: class of the clip.
            seed: of the clip.
            removed: modalities to remove.
            prompt: text of the question.
            target: text of the answer.
            generator: how the frames are shifted and mirrored.
        """
        return replace(self._make(name, seed, removed, prompt, generator), target=target)

    def _deck(self, generator: random.Random, first: int) -> Iterator[tuple[str, int]]:
        """Yield class and seed of every clip, numbered from ``first``, in random order, again and again."""
        numbers = range(first, first + self.clips)
        clips = [(name, clip_seed("train", number)) for name in CLASSES for number in numbers]
        while True:
            generator.shuffle(clips)
            yield from clips

    def _example(
        self, name: str, seed: int, letters: int, generator: random.Random
    ) -> tuple[Modality | None, Exchange]:
        """Return an example with the modality that it asks about, none if there is no clip."""
        mix, asked = self.mix, generator.choice(list(Modality))
        shares = [mix.without_sound, mix.without_picture, mix.caption_alone, mix.dictation]
        names = "sight", "sound", "caption", "dictation", "both"
        lesson = generator.choices(names, [*shares, max(0.0, 1 - sum(shares))])[0]
        if lesson == "dictation":
            sentence = prompts.ABSTENTIONS[asked]
            return None, Exchange(None, None, f"{REPEAT} {sentence}", sentence)
        if lesson == "caption":
            captioned = prompts.captioned(prompts.standard(asked), name)
            return None, Exchange(None, None, prompts.render(captioned, CLASSES), name)
        removed: tuple[Modality, ...] = ()
        if lesson == "sight":
            removed, asked = (Modality.AUDIO,), Modality.VISUAL
        elif lesson == "sound":
            removed, asked = (Modality.VISUAL,), Modality.AUDIO
        parts = prompts.standard(asked)
        if generator.random() < mix.true_caption:
            parts = prompts.captioned(parts, name)
        if letters:
            parts = prompts.padded(parts, prompts.random_letters(letters, str(generator.random())), "after")
        return asked, self._make(name, seed, removed, prompts.render(parts, CLASSES), generator)

    def _make(
        self,
        name: str,
        seed: int,
        removed: Sequence[Modality],
        prompt: str,
        generator: random.Random | None = None,
        *,
        erase: bool = False,
    ) -> Exchange:
        """Return a question about a clip whose modalities may be removed in the same way as in the benchmark.

        With a ``generator``, the frames are shifted and mirrored, and with ``erase``, a part of them is covered, so
        that a thousand clips serve as many more.
        """
        frames, spectrum = self._render(name, seed)
        if Modality.VISUAL in removed:
            frames = np.zeros_like(frames)
        elif generator:
            frames = moved(frames, generator)
            if erase:
                frames = erased(frames, generator)
        if Modality.AUDIO in removed:
            spectrum = self._silence()
        return Exchange(self.batch.see(frames), spectrum, prompt, name)

    def _render(self, name: str, seed: int) -> "tuple[NDArray[np.uint8], torch.Tensor]":
        """Return the frames, at the size that the model sees, and the spectrum of a clip."""
        if (name, seed) not in self._rendered:
            scene = make_scene(name, seed)
            frames = self.batch.scale(draw_frames(scene, fps=self.batch.fps, size=STORED_SIZE))
            self._rendered[name, seed] = frames, self.batch.hear(play(scene))
        return self._rendered[name, seed]

    def _silence(self) -> "torch.Tensor":
        key = "silence", 0
        if key not in self._rendered:
            silence = np.zeros(round(SECONDS * AUDIO_RATE), np.float32)
            self._rendered[key] = np.empty(0, np.uint8), self.batch.hear(silence)
        return self._rendered[key][1]


STORED_SIZE = 112
"""Height and width at which clips are rendered, pixels; the model scales them down itself."""

_FIRST = 10_000
"""Number of the first training clip. Datasets count from 0, so they have different clips."""


def _captioned(example: Exchange, asked: Modality | None) -> Exchange:
    """Return ``example`` with the modality named in its target."""
    return replace(example, target=f"{SAID[asked]} {example.target}") if asked else example
