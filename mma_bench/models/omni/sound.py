"""Turns audio into the log-mel spectrum that Qwen's audio encoders take."""

from typing import TYPE_CHECKING, Any

import numpy as np

from mma_bench.errors import MMABenchError

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

_SHORTEST_SECONDS = 0.1
"""Shorter audio makes no token in one of the encoders."""


def log_mel(samples: "NDArray[np.float32]", extractor: Any, *, silence_follows: bool) -> "torch.Tensor":
    """Return the spectrum of one audio stream.

    Args:
        samples: shape [samples], float32, mono, at the extractor's rate (16 kHz), range -1 to 1.
        extractor: a `WhisperFeatureExtractor`.
        silence_follows: whether the window of the last frame contains silence after the end, as if the audio was padded
            to the extractor's full length (Qwen2.5-Omni pads to 300 seconds), or the mirrored audio (Qwen3-Omni does
            not pad). We append one window of silence instead of minutes; the values are the same.

    Returns:
        Tensor of shape [mel bands, frames], float32.

    Raises:
        MMABenchError: the audio is too short or not finite.
    """
    import torch

    rate, hop = int(extractor.sampling_rate), int(extractor.hop_length)
    if samples.ndim != 1 or len(samples) < _SHORTEST_SECONDS * rate or not np.isfinite(samples).all():
        raise MMABenchError(
            f"sound must be finite, mono and at least {_SHORTEST_SECONDS} s long, got {samples.shape} at {rate} Hz"
        )
    frames = -(-len(samples) // hop) if silence_follows else len(samples) // hop
    if silence_follows:
        window = -(-int(extractor.n_fft) // hop) * hop
        samples = np.concatenate([samples, np.zeros(frames * hop - len(samples) + window, np.float32)])
    found = extractor(
        samples,
        sampling_rate=rate,
        padding="longest",
        truncation=False,
        return_attention_mask=True,
        return_tensors="np",
    )
    return torch.from_numpy(np.ascontiguousarray(found["input_features"][0][:, :frames], dtype=np.float32))
