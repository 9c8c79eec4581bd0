"""The towers: each alone learns to classify clips, then is frozen; and their connectors.

A connector is the last part of a tower in the Qwen models: it turns a tower's features into tokens of the language
model. It is left out here, so that features can be computed once, and tokens again after each step of a connector.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mma_bench.models.omni.frames import Patches
from mma_bench.models.omni.thinker import Thinker
from mma_bench.schema import Modality
from mma_bench.smol_omni.clips import FOR_TOWERS, Clips, training_clip

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Tower:
    """A tower without its connector.

    Attributes:
        module: the tower.
        width: size of its features.
        connector: features to tokens: [..., width] to [..., hidden size].
    """

    module: Any
    width: int
    connector: Any


def split_towers(thinker: Thinker) -> dict[Modality, Tower]:
    """Take the connectors out of the towers, in place: the thinker then returns features instead of tokens."""
    import torch

    parts = {name.rpartition(".")[2]: module for name, module in thinker.model.named_modules()}
    visual, audio = parts["visual"], parts["audio_tower"]
    towers = {
        Modality.VISUAL: Tower(visual, visual.merger.hidden_size, visual.merger.mlp),
        Modality.AUDIO: Tower(audio, audio.proj.in_features, audio.proj),
    }
    visual.merger.mlp, audio.proj = torch.nn.Identity(), torch.nn.Identity()
    return towers


def join_towers(towers: dict[Modality, Tower]) -> None:
    """Put the connectors back, in place."""
    towers[Modality.VISUAL].module.merger.mlp = towers[Modality.VISUAL].connector
    towers[Modality.AUDIO].module.proj = towers[Modality.AUDIO].connector


def video_features(thinker: Thinker, videos: Sequence[Patches]) -> "torch.Tensor":
    """Return the features of videos of one form: [videos, tokens, width]."""
    import torch

    pixels = torch.cat([video.pixels for video in videos]).to(thinker.device, thinker.model.dtype)
    grids = torch.tensor([video.grid for video in videos], device=thinker.device)
    found = thinker.model.get_video_features(pixels, grids, return_dict=True).pooler_output
    joined: Any = found if isinstance(found, torch.Tensor) else torch.cat(list(found))
    features: torch.Tensor = joined.unflatten(0, (len(videos), -1))
    return features


def audio_features(thinker: Thinker, spectra: "Sequence[torch.Tensor]") -> "torch.Tensor":
    """Return the features of audio of one length: [audios, tokens, width]."""
    import torch

    joined = torch.stack(list(spectra)).to(thinker.device, thinker.model.dtype)
    heard = torch.ones(len(joined), joined.shape[-1], dtype=torch.long, device=thinker.device)
    found = thinker.model.get_audio_features(joined, feature_attention_mask=heard, return_dict=True)
    features: torch.Tensor = found.last_hidden_state.unflatten(0, (len(joined), -1))
    return features


@dataclass(frozen=True)
class TowerLesson:
    """Classification by the mean of a tower's features, with a linear classifier that is discarded.

    Attributes:
        thinker: whose towers are split.
        clips: of all classes.
        classes: names.
        modality: which tower.
        classifier: maps the mean of the features to classes.
        batch_size: clips per step.
        numbers: different clips per class.
        seed: of the choice of clips.
    """

    thinker: Thinker
    clips: Clips
    classes: Sequence[str]
    modality: Modality
    classifier: Any
    batch_size: int
    numbers: int
    seed: int

    def loss(self, step: int) -> "torch.Tensor":
        """Return the loss of a step."""
        import torch

        generator = random.Random(f"{self.seed}/{self.modality}/{step}")  # noqa: S311
        chosen = [generator.randrange(len(self.classes)) for _ in range(self.batch_size)]
        ids = [training_clip(self.classes[n], generator.randrange(self.numbers), FOR_TOWERS) for n in chosen]
        logits = self._logits(ids, generator)
        return torch.nn.functional.cross_entropy(logits, torch.tensor(chosen, device=logits.device))

    def accuracy(self, first: int, count: int) -> float:
        """Return the accuracy on ``count`` clips per class, numbered from ``first``."""
        import torch

        right = 0
        with torch.no_grad():
            for number in range(count):
                ids = [training_clip(name, number, first) for name in self.classes]
                right += int((self._logits(ids, None).argmax(-1).cpu() == torch.arange(len(ids))).sum())
        return right / (count * len(self.classes))

    def _logits(self, ids: Sequence[tuple[str, int]], generator: random.Random | None) -> "torch.Tensor":
        if self.modality is Modality.VISUAL:
            videos = [self.clips.video(clip, generator, cover=True) for clip in ids]
            features = video_features(self.thinker, videos)
        else:
            features = audio_features(self.thinker, [self.clips.audio(clip) for clip in ids])
        logits: torch.Tensor = self.classifier(features.mean(dim=1))
        return logits
