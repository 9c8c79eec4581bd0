"""Pretrain each tower alone as a classifier, as the towers of published Omni models are trained before they are joined.

A weak tower would make a conflict look lost that no model could have won.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from mma_bench.models.omni.training_batch import Exchange
from mma_bench.synthetic.kinds import CLASSES

if TYPE_CHECKING:
    import torch

    from mma_bench.models.omni.thinker import Thinker

Encoder = Callable[[Sequence[Exchange]], "torch.Tensor"]
"""Returns one vector for each example: [examples, hidden size]."""


def video_encoder(thinker: "Thinker") -> Encoder:
    """Return the mean of a video's tokens."""
    import torch

    def encode(examples: Sequence[Exchange]) -> "torch.Tensor":
        videos = [example.video for example in examples if example.video]
        pixels = torch.cat([video.pixels for video in videos])
        grids = torch.tensor([video.grid for video in videos])
        tokens = thinker.model.get_video_features(pixels, grids, return_dict=True).pooler_output
        return torch.stack([video.mean(dim=0) for video in tokens])

    return encode


def audio_encoder(thinker: "Thinker") -> Encoder:
    """Return the mean of the audio tokens; all audio has the same length."""
    import torch

    def encode(examples: Sequence[Exchange]) -> "torch.Tensor":
        spectra = torch.stack([example.spectrum for example in examples if example.spectrum is not None])
        heard = torch.ones(len(spectra), spectra.shape[-1], dtype=torch.long)
        tokens = thinker.model.get_audio_features(spectra, feature_attention_mask=heard, return_dict=True)
        found: torch.Tensor = tokens.last_hidden_state.unflatten(0, (len(spectra), -1)).mean(dim=1)
        return found

    return encode


def train_tower(
    encode: Encoder,
    tower: "torch.nn.Module",
    batches: Iterator[list[Exchange]],
    rates: Iterable[float],
    *,
    hidden: int,
    weight_decay: float,
) -> list[float]:
    """Train a tower with a linear classifier, which is discarded.

    Args:
        encode: runs the tower.
        tower: whose weights are trained.
        batches: examples whose targets are classes.
        rates: learning rate of each step.
        hidden: size of the tower's tokens.
        weight_decay: of AdamW.

    Returns:
        The loss of each step.
    """
    import torch

    classifier = torch.nn.Linear(hidden, len(CLASSES))
    weights = [*tower.parameters(), *classifier.parameters()]
    optimizer = torch.optim.AdamW(weights, betas=(0.9, 0.98), weight_decay=weight_decay)
    losses = []
    for rate, examples in zip(rates, batches, strict=False):
        optimizer.param_groups[0]["lr"] = rate
        wanted = torch.tensor([CLASSES.index(example.target) for example in examples])
        loss = torch.nn.functional.cross_entropy(classifier(encode(examples)), wanted)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(weights, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(round(loss.item(), 4))
    return losses
