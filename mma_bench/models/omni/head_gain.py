"""Attention heads that are scaled or silenced: a file of gains, and the hook that applies them."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mma_bench.errors import MMABenchError
from mma_bench.files.documents import parse_json
from mma_bench.files.faults import first_fault
from mma_bench.models.omni.attention import Attention, Layered, add_hook

if TYPE_CHECKING:
    import torch

FORMAT = "mma-bench head gain"
CHOSEN_ON = ", clips that chose the heads: "
"""In the fingerprint of a model, before the number of these clips."""


class HeadGain(BaseModel):
    """The factor of one head's output."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)

    layer: int = Field(ge=0, description="layer, counted from 0")
    head: int = Field(ge=0, description="head of the layer, counted from 0")
    gain: float = Field(ge=-100, le=100, description="factor of its output: 0 silences it, 1 changes nothing")


class HeadGains(BaseModel):
    """The contents of a file of gains."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["mma-bench head gain"]
    gains: list[HeadGain] = Field(min_length=1)
    weights: str = Field("", description="identity of the weights that the heads were found in; empty: of any")
    clips: list[str] = Field([], description="clips that chose the heads: answers about these are too good")
    note: str = Field("", description="how they were found")


def read_head_gain(path: Path) -> HeadGains:
    """Read a file of gains.

    Raises:
        MMABenchError: there is no such file, or it holds something else.
    """
    try:
        if path.stat().st_size > 1 << 24:
            raise ValueError("it is larger than 16 MB")
        gains = HeadGains.model_validate(parse_json(path.read_bytes()))
    except ValidationError as error:
        fault = first_fault(error)
        raise MMABenchError(f"head_gain={path}: {fault.place}: {fault.message}; see docs/diagnosis.md") from error
    except (OSError, ValueError) as error:
        raise MMABenchError(f"head_gain={path} cannot be read: {error}; `mma-bench diagnose` writes one") from error
    named = Counter((one.layer, one.head) for one in gains.gains)
    if twice := next((each for each, count in named.items() if count > 1), None):
        raise MMABenchError(f"head_gain={path}: layer {twice[0]}, head {twice[1]} is named twice; name it once")
    return gains


class GainHook:
    """Multiplies the outputs of heads where the question and the answer are read; the media are read as before.

    Args:
        factors: by layer, a factor for each head, shape [heads].
    """

    def __init__(self, factors: "dict[int, torch.Tensor]") -> None:
        self._factors = factors

    def __call__(self, attention: Attention, output: "torch.Tensor") -> "torch.Tensor":
        """Return the output of a layer."""
        reads_media_only = attention.key.shape[2] == attention.query.shape[2]
        if reads_media_only or attention.layer not in self._factors:
            return output
        return output * self._factors[attention.layer].to(output.device, output.dtype)[:, None]


def apply_head_gain(thinker: Layered, path: Path, weights: str = "") -> None:
    """Apply a file of gains to a thinker from now on.

    Args:
        thinker: the model.
        path: the file.
        weights: identity of the model's weights, compared with that in the file; empty if it is not known.

    Raises:
        MMABenchError: the file cannot be used, is of other weights, or names a head that the model does not have.
    """
    import torch

    found = read_head_gain(path)
    if weights and found.weights and weights != found.weights:
        raise MMABenchError(
            f"head_gain={path} was found in other weights ({found.weights[:24]}) than those of this model "
            f"({weights[:24]}); remove `weights` from the file to use it for this model, too"
        )
    layers, heads = len(thinker.layers), int(thinker.decoder.config.num_attention_heads)
    factors: dict[int, torch.Tensor] = {}
    for one in found.gains:
        if one.layer >= layers or one.head >= heads:
            raise MMABenchError(
                f"head_gain={path} names layer {one.layer}, head {one.head}; this model has {layers} layers of {heads} "
                "heads, counted from 0: the file is of another model"
            )
        factors.setdefault(one.layer, torch.ones(heads))[one.head] = one.gain
    add_hook(thinker, GainHook(factors))
