"""The thinkers: what differs between the families of Omni models, behind one small interface.

A thinker is the part of an Omni model that reads video, audio and text and writes text. A package adds a family by a
subclass that it names in an entry point of the group `mma_bench.architectures`; see docs/extending.md.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from mma_bench.models.omni.encoder_cache import Encoded
from mma_bench.models.omni.frames import FrameFormat, Patches
from mma_bench.models.omni.layout import chunked, merged, video_times
from mma_bench.registry import Registry

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray


@dataclass(frozen=True)
class MediaTokens:
    """Names of the special tokens around the media and of their placeholders."""

    video: str
    video_begin: str
    video_end: str
    audio: str
    audio_begin: str
    audio_end: str


class Thinker(ABC):
    """A loaded thinker.

    Attributes:
        class_name: its class in transformers; see `transformers_class`.
        media_tokens: special tokens of the family.
        system_prompt: system message of the family's own text-only use, or none.
        mean: of each colour channel, if the checkpoint does not say.
        std: of each colour channel, if the checkpoint does not say.
        silence_follows_sound: see `sound.log_mel`.
        model: the transformers model.
    """

    class_name: ClassVar[str]
    media_tokens: ClassVar[MediaTokens]
    system_prompt: ClassVar[str | None]
    mean: ClassVar[tuple[float, float, float]]
    std: ClassVar[tuple[float, float, float]]
    silence_follows_sound: ClassVar[bool]

    def __init__(self, model: Any) -> None:
        self.model = model
        self.decoder = model.get_decoder()

    @classmethod
    def transformers_class(cls) -> Any:
        """Return the class of the model: the one of transformers called `class_name`, or of a package."""
        import transformers

        return getattr(transformers, cls.class_name)

    @property
    def config(self) -> Any:
        """The thinker's configuration."""
        return self.model.config

    @property
    def layers(self) -> "torch.nn.ModuleList":
        """The layers of the language model; each has its attention under `self_attn`."""
        layers: torch.nn.ModuleList = self.decoder.layers
        return layers

    @property
    def positions_per_second(self) -> float:
        """Position ids per second of a stream, which is also the number of audio tokens per second."""
        return float(self.config.position_id_per_seconds)

    def normalise(self, hidden: "torch.Tensor") -> "torch.Tensor":
        """Return hidden states as they enter `logits`, by the last layer's normalisation."""
        normalised: torch.Tensor = self.decoder.norm(hidden)
        return normalised

    @property
    def device(self) -> "torch.device":
        """Device of the token embeddings, and therefore of all inputs."""
        weight: torch.Tensor = self.model.get_input_embeddings().weight
        return weight.device

    def embed(self, token_ids: "torch.Tensor") -> "torch.Tensor":
        """Return the embeddings of tokens, of shape [rows, tokens, hidden size]."""
        embeddings: torch.Tensor = self.model.get_input_embeddings()(token_ids)
        return embeddings

    def logits(self, hidden: "torch.Tensor") -> "torch.Tensor":
        """Return the logits that follow hidden states, float32 of shape [..., vocabulary]."""
        logits: torch.Tensor = self.model.get_output_embeddings()(hidden)
        return logits.float().to(self.device)

    @abstractmethod
    def order(self, grid: tuple[int, int, int], seconds_per_grid: float, audio_tokens: int) -> "NDArray[np.bool_]":
        """Return for every token of a video with audio whether it belongs to the video."""

    @abstractmethod
    def audio_tokens(self, frames: int) -> int:
        """Return the number of tokens of audio whose spectrum has ``frames`` frames."""

    def encode_video(self, patches: Patches) -> Encoded:
        """Run the vision encoder."""
        import torch

        found = self.model.get_video_features(
            patches.pixels.to(self.device), torch.tensor([patches.grid], device=self.device), return_dict=True
        )
        levels = getattr(found, "deepstack_features", None) or ()
        return Encoded(
            _joined(found.pooler_output).cpu(), tuple(_joined(level).cpu() for level in levels), patches.grid
        )

    def encode_audio(self, spectrum: "torch.Tensor") -> Encoded:
        """Run the audio encoder on a spectrum of shape [mel bands, frames]."""
        import torch

        features = spectrum[None].to(self.device, self.model.dtype)
        heard = torch.ones((1, spectrum.shape[1]), dtype=torch.long, device=self.device)
        found = self.model.get_audio_features(features, feature_attention_mask=heard, return_dict=True)
        return Encoded(found.last_hidden_state.cpu(), frames=spectrum.shape[1])

    def positions(
        self,
        token_ids: "torch.Tensor",
        video: Encoded | None,
        audio: Encoded | None,
        seconds_per_grid: float,
        *,
        interleaved: bool = True,
    ) -> "torch.Tensor":
        """Return the position ids of a prompt up to the end of the media: shape [3, 1, tokens].

        Args:
            token_ids: shape [1, tokens].
            video: the video, or none.
            audio: the audio, or none.
            seconds_per_grid: time from one step of the video encoder's grid to the next.
            interleaved: whether two streams are one, as audio in video; otherwise one follows the other in time too.
        """
        import torch

        found, _ = self.model.get_rope_index(
            token_ids,
            video_grid_thw=torch.tensor([video.grid], device=token_ids.device) if video else None,
            attention_mask=torch.ones_like(token_ids),
            use_audio_in_video=interleaved and video is not None and audio is not None,
            audio_seqlens=torch.tensor([audio.frames], device=token_ids.device) if audio else None,
            second_per_grids=torch.tensor([seconds_per_grid], device=token_ids.device) if video else None,
        )
        positions: torch.Tensor = found
        return positions

    def run(
        self,
        embeddings: "torch.Tensor",
        positions: "torch.Tensor",
        cache: Any,
        *,
        mask: "torch.Tensor | None" = None,
        video_mask: "torch.Tensor | None" = None,
        deepstack: tuple["torch.Tensor", ...] = (),
    ) -> "torch.Tensor":
        """Run the language model and add to ``cache``.

        Args:
            embeddings: shape [rows, tokens, hidden size].
            positions: shape [3, rows, tokens].
            cache: keys and values of the previous tokens; it grows.
            mask: which tokens are valid, of shape [rows, previous and new tokens], or what is added to the attention,
                of shape [rows, 1, tokens, previous and new tokens].
            video_mask: which tokens belong to the video, of shape [rows, tokens].
            deepstack: features that the vision encoder adds to the first layers at those tokens.

        Returns:
            The last hidden states, of the shape of ``embeddings``.
        """
        extra = {"visual_pos_masks": video_mask, "deepstack_visual_embeds": list(deepstack)} if deepstack else {}
        found = self.decoder(
            inputs_embeds=embeddings,
            position_ids=positions,
            attention_mask=mask,
            past_key_values=cache,
            use_cache=True,
            return_dict=True,
            **extra,
        )
        hidden: torch.Tensor = found.last_hidden_state
        return hidden

    def frame_format(self, stored: dict[str, Any], min_pixels: int | None, max_pixels: int | None) -> FrameFormat:
        """Return the input format of the vision encoder.

        Args:
            stored: the checkpoint's own settings of its video processor.
            min_pixels: smallest area of a frame, or none for 128 tokens.
            max_pixels: largest area of a frame, or none for 768 tokens.
        """
        vision = self.config.vision_config
        token = (int(vision.patch_size) * int(vision.spatial_merge_size)) ** 2
        return FrameFormat(
            patch_size=int(vision.patch_size),
            temporal_patch_size=int(vision.temporal_patch_size),
            merge_size=int(vision.spatial_merge_size),
            min_pixels=min_pixels or min(128 * token, max_pixels or 128 * token),
            max_pixels=max_pixels or max(768 * token, min_pixels or 768 * token),
            mean=_triple(stored.get("image_mean"), self.mean),
            std=_triple(stored.get("image_std"), self.std),
        )


class Qwen25OmniThinker(Thinker):
    """Qwen2.5-Omni: chunks of two seconds, a default system message, CLIP's colours."""

    class_name = "Qwen2_5OmniThinkerForConditionalGeneration"
    media_tokens = MediaTokens(
        "<|VIDEO|>", "<|vision_bos|>", "<|vision_eos|>", "<|AUDIO|>", "<|audio_bos|>", "<|audio_eos|>"
    )
    system_prompt = "You are a helpful assistant."
    mean = (0.48145466, 0.4578275, 0.40821073)
    std = (0.26862954, 0.26130258, 0.27577711)
    silence_follows_sound = True

    def order(self, grid: tuple[int, int, int], seconds_per_grid: float, audio_tokens: int) -> "NDArray[np.bool_]":
        """Alternate chunks of video and audio."""
        rate = self.config.position_id_per_seconds
        times = video_times(grid, self.config.vision_config.spatial_merge_size, seconds_per_grid, rate)
        return chunked(times, audio_tokens, int(rate * self.config.seconds_per_chunk))

    def audio_tokens(self, frames: int) -> int:
        """Halve twice: a convolution with stride 2, and a pooling."""
        return ((frames - 1) // 2 + 1) // 2


class Qwen3OmniThinker(Thinker):
    """Qwen3-Omni: tokens sorted by time, vision features also added to the first layers."""

    class_name = "Qwen3OmniMoeThinkerForConditionalGeneration"
    media_tokens = MediaTokens(
        "<|video_pad|>", "<|vision_start|>", "<|vision_end|>", "<|audio_pad|>", "<|audio_start|>", "<|audio_end|>"
    )
    system_prompt = None
    mean = (0.5, 0.5, 0.5)
    std = (0.5, 0.5, 0.5)
    silence_follows_sound = False

    def order(self, grid: tuple[int, int, int], seconds_per_grid: float, audio_tokens: int) -> "NDArray[np.bool_]":
        """Sort the tokens of both streams by time."""
        rate = self.config.position_id_per_seconds
        times = video_times(grid, self.config.vision_config.spatial_merge_size, seconds_per_grid, rate)
        return merged(times, audio_tokens)

    def audio_tokens(self, frames: int) -> int:
        """Halve each second three times: it passes three convolutions separately."""
        whole, rest = divmod(frames, 100)
        return whole * 13 + (rest + 7) // 8


def _adopt(loaded: Any) -> type[Thinker]:
    if not (isinstance(loaded, type) and issubclass(loaded, Thinker)):
        raise TypeError("it is not a subclass of mma_bench.models.omni.thinker.Thinker")
    return loaded


ARCHITECTURES: Registry[type[Thinker]] = Registry("architecture", "architectures", adopt=_adopt)
"""Thinkers by the name that a checkpoint's config.json gives under `architectures`."""

for _name in (
    "Qwen2_5OmniModel",
    "Qwen2_5OmniForConditionalGeneration",
    "Qwen2_5OmniThinkerForConditionalGeneration",
):
    ARCHITECTURES.add(_name, Qwen25OmniThinker)
for _name in ("Qwen3OmniMoeForConditionalGeneration", "Qwen3OmniMoeThinkerForConditionalGeneration"):
    ARCHITECTURES.add(_name, Qwen3OmniThinker)


def _joined(parts: "torch.Tensor | list[torch.Tensor] | tuple[torch.Tensor, ...]") -> "torch.Tensor":
    """Join tensors that some versions of transformers split by video."""
    import torch

    return parts if isinstance(parts, torch.Tensor) else torch.cat(list(parts))


def _triple(values: Any, default: tuple[float, float, float]) -> tuple[float, float, float]:
    if not isinstance(values, list) or len(values) != 3:
        return default
    return float(values[0]), float(values[1]), float(values[2])
