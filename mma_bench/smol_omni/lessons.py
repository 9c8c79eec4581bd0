"""What `smol-omni` is taught: no conflicts, and no questions that it cannot answer.

As published models are: clips as recorded, video and audio alone, true captions, ordinary questions. The questions are
a function of seed and step, so a killed run resumes with the next one.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mma_bench.questions import prompts
from mma_bench.schema import Modality
from mma_bench.smol_omni.batch import Shown
from mma_bench.smol_omni.features import Features
from mma_bench.smol_omni.knowledge import Knowledge, asked
from mma_bench.smol_omni.settings import MixSettings

if TYPE_CHECKING:
    from mma_bench.smol_omni.clips import ClipId


@dataclass(frozen=True)
class Lessons:
    """Makes the questions of each step.

    Attributes:
        features: of the clips.
        clips: which of them to ask about.
        classes: all class names.
        knowledge: ordinary questions.
        mix: shares of the kinds of questions.
        seed: of all draws.
    """

    features: Features
    clips: "Sequence[ClipId]"
    classes: Sequence[str]
    knowledge: Sequence[Knowledge]
    mix: MixSettings
    seed: int

    def step(self, stage: str, step: int, size: int) -> list[Shown]:
        """Return the questions of a step; all list about as many options, so that little is padded."""
        generator = random.Random(f"{self.seed}/{stage}/{step}")  # noqa: S311
        listed = generator.choice(self.mix.options) or len(self.classes)
        return [self._question(generator, min(listed, len(self.classes))) for _ in range(size)]

    def _question(self, generator: random.Random, listed: int) -> Shown:
        mix = self.mix
        shares = [mix.without_sound, mix.without_picture, mix.knowledge, mix.caption_alone]
        kinds = "sight", "sound", "knowledge", "caption", "both"
        kind = generator.choices(kinds, [*shares, max(0.0, 1 - sum(shares))])[0]
        if kind == "knowledge":
            known = generator.choice(self.knowledge)
            return Shown(None, None, asked(known, generator), known.answer)
        clip = generator.choice(self.clips)
        modality = {"sight": Modality.VISUAL, "sound": Modality.AUDIO}.get(kind) or generator.choice(list(Modality))
        told = kind == "caption" or generator.random() < mix.true_caption
        prompt, target = self._prompt(generator, clip[0], modality, listed, told=told)
        if kind == "caption":
            return Shown(None, None, prompt, target)
        video = self.features.black if kind == "sound" else self.features.videos[clip]
        audio = self.features.silence if kind == "sight" else self.features.audios[clip]
        return Shown(video, audio, prompt, target)

    def _prompt(
        self, generator: random.Random, name: str, modality: Modality, listed: int, *, told: bool
    ) -> tuple[str, str]:
        """Return prompt and target of a question about a clip of the class ``name``."""
        others = generator.sample([other for other in self.classes if other != name], listed - 1)
        options = generator.sample([name, *others], listed)
        if generator.random() < 0.5:
            options.sort()  # as datasets list them
        target = name
        if generator.random() < self.mix.none_listed:
            if not told and generator.random() < self.mix.none_right:
                options.remove(name)
                target = prompts.NONE_OF_THE_ABOVE
            options.append(prompts.NONE_OF_THE_ABOVE)
        parts = prompts.standard(modality)
        return prompts.render(prompts.captioned(parts, name) if told else parts, options), target
