"""What a family needs beyond its own processor and `generate`: one small class for each.

A package adds a family by a subclass of `PlainFamily` that it names in an entry point of the group
`mma_bench.plain_families`, under the name of the model's class. All other checkpoints use `PlainFamily` itself.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from mma_bench.registry import Registry

if TYPE_CHECKING:
    import torch


class PlainFamily:
    """A loaded model and what is particular to its family.

    Attributes:
        shares_media: whether questions about a stimulus share one pass over its media. That needs a cache that can be
            copied, and positions that follow from the number of tokens before them.
        model: the transformers model.
        processor: its processor.
    """

    shares_media: ClassVar[bool] = False

    def __init__(self, model: Any, processor: Any, name: str, where: Mapping[str, Any]) -> None:
        """Prepare a model that was loaded.

        Args:
            model: the transformers model.
            processor: its processor.
            name: name on the hub, or a folder.
            where: arguments of `from_pretrained` that say which files are read.

        Raises:
            MMABenchError: something that the family needs is missing.
        """
        self.model = model
        self.processor = processor

    def prepare(self, *, video: bool, audio: bool) -> None:
        """Prepare the model for the questions about a stimulus.

        Args:
            video: whether it has a video.
            audio: whether it has audio.
        """
        return

    def can_share(self, prefix: int, longest: int) -> bool:
        """Return whether questions can share one pass over the media; asked for each stimulus.

        Args:
            prefix: number of tokens up to the end of the media.
            longest: number of tokens of the longest question with everything before it and its answer.
        """
        return self.shares_media

    def identity(self) -> dict[str, str]:
        """Return what else determines an answer."""
        return {}

    @property
    def text_config(self) -> Any:
        """Configuration of the language model."""
        return self.model.config.get_text_config(decoder=True)

    @property
    def decoder(self) -> Any:
        """The language model."""
        return self.model.get_decoder()

    @property
    def layers(self) -> "torch.nn.ModuleList":
        """The layers of the language model."""
        layers: torch.nn.ModuleList = self.decoder.layers
        return layers

    def stream(self, hidden: "torch.Tensor") -> "torch.Tensor":
        """Return the output of a layer as hidden states of shape [rows, tokens, hidden size]."""
        return hidden

    def lens(self, hidden: "torch.Tensor") -> "torch.Tensor":
        """Return the logits that hidden states of `stream` would give after the last layer: float32."""
        logits: torch.Tensor = self.model.get_output_embeddings()(self.decoder.norm(hidden)).float()
        most = getattr(self.text_config, "final_logit_softcapping", None)
        return (logits / most).tanh() * most if most else logits


def _adopt(loaded: Any) -> type[PlainFamily]:
    if not (isinstance(loaded, type) and issubclass(loaded, PlainFamily)):
        raise TypeError("it is not a subclass of mma_bench.models.plain.PlainFamily")
    return loaded


FAMILIES: Registry[type[PlainFamily]] = Registry("family", "plain_families", adopt=_adopt)
"""Families by the class of the model."""


def load_families() -> None:
    """Register the families that are built in."""
    import mma_bench.models.plain.gemma
    import mma_bench.models.plain.llava
    import mma_bench.models.plain.nemotron
    import mma_bench.models.plain.phi4  # noqa: F401


def family_of(class_name: str) -> type[PlainFamily]:
    """Return the family of models of a class, or that of all others."""
    load_families()
    return FAMILIES.get(class_name, PlainFamily)
