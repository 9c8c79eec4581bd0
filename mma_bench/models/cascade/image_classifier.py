"""Classifies a few frames with EfficientNet-Lite0, trained on ImageNet-1k."""

import json
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mma_bench.models.cascade.evidence import Observation
from mma_bench.models.cascade.torch_threads import torch_threads
from mma_bench.models.cascade.weights import (
    CLASS_DESCRIPTIONS,
    CLASS_NAMES,
    CLASSIFIER,
    CLASSIFIER_CODE,
    require_runtime,
)

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

_SIDE = 224  # pixels

# (pixel - 127) / 128, as the TensorFlow model was trained, not the ImageNet mean and deviation that the
# package's README shows: with this, the variance behind the first convolution is 1.03 times the one stored in
# its batch normalisation (median over channels, 87 frames and photographs); with the README's, 5.1 times.
_PIXEL_MEAN, _PIXEL_SCALE = 127.0, 128.0


class ImageClassifier:
    """1000 ImageNet classes, each with its probability averaged over frames.

    Args:
        frames: number of frames to classify.
        keep: number of classes to report.
        threads: processor threads.
    """

    def __init__(self, *, frames: int, keep: int, threads: int) -> None:
        self._frames = frames
        self._keep = keep
        self._threads = threads

    def classify(self, frames: "NDArray[np.uint8]") -> tuple[Observation, ...]:
        """Return the likeliest classes, likeliest first.

        Each frame is used whole after a centre crop to a square. Five or six crops per frame take as many times the
        work and answered no more development images correctly.

        Args:
            frames: shape [frames, height, width, 3], uint8, RGB, at least one.
        """
        import numpy as np
        import torch

        chosen = _spread(frames, self._frames)
        with torch_threads(self._threads), torch.inference_mode():
            logits = torch.cat([self._network(_prepare(frame)) for frame in chosen])
            probability = torch.softmax(logits.double(), dim=1).mean(dim=0).numpy()
        order = np.argsort(-probability, kind="stable")[: self._keep]
        return tuple(
            Observation(self._names[index], self._meanings[index], float(probability[index])) for index in order
        )

    @cached_property
    def _names(self) -> tuple[str, ...]:
        return tuple(json.loads(CLASS_NAMES.locate().read_text("utf-8")))

    @cached_property
    def _meanings(self) -> tuple[str, ...]:
        """Each class's name and the first sentence of its description.

        A text model does not know that a Cardigan is a dog or a kite a bird; the description says so. It raised the
        number of correctly answered development images from 85 to 97 of 112. The package lacks 25 of 1000.
        """
        described = json.loads(CLASS_DESCRIPTIONS.locate().read_text("utf-8"))
        sentences = [described.get(str(index), {}).get("description", "") for index in range(len(self._names))]
        return tuple(
            f"{name}: {sentence.split('.')[0]}" if sentence else name
            for name, sentence in zip(self._names, sentences, strict=True)
        )

    @cached_property
    def _network(self) -> Any:
        require_runtime("torch")
        import torch

        CLASSIFIER_CODE.locate()
        from efficientnet_lite_pytorch import EfficientNet

        network = EfficientNet.from_name("efficientnet-lite0")
        network.load_state_dict(torch.load(CLASSIFIER.locate(), map_location="cpu", weights_only=True))
        return network.eval()


def _spread(frames: "NDArray[np.uint8]", count: int) -> "NDArray[np.uint8]":
    """Return ``count`` frames from the middles of as many equal parts, or all if there are fewer."""
    import numpy as np

    if len(frames) <= count:
        return frames
    middles = (np.arange(count) + 0.5) * len(frames) / count
    return np.take(frames, middles.astype(int), axis=0)


def _prepare(frame: "NDArray[np.uint8]") -> "torch.Tensor":
    """Cut a frame, shape [height, width, 3], to its centred square and scale it to [1, 3, 224, 224]."""
    import numpy as np
    import torch
    from torch.nn.functional import interpolate

    height, width = frame.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = np.ascontiguousarray(frame[top : top + side, left : left + side].transpose(2, 0, 1), dtype=np.float32)
    scaled = interpolate(torch.from_numpy(square)[None], (_SIDE, _SIDE), mode="bicubic", antialias=True)
    return (scaled.clamp(0.0, 255.0) - _PIXEL_MEAN) / _PIXEL_SCALE
