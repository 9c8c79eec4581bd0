"""The inputs of `generate` for one question about one stimulus, made by a checkpoint's own processor."""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mma_bench.errors import MMABenchError
from mma_bench.models.omni.encode_once import AudioStream, VideoStream
from mma_bench.models.omni.settings import Settings
from mma_bench.models.plain.family import PlainFamily

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

OURS = 16_000
"""Samples per second of the audio that we are given."""

_SHORTEST_SECONDS = 0.1
PER_TOKEN = ("input_ids", "attention_mask", "token_type_ids", "mm_token_type_ids")
"""Inputs that have one value per token."""

_OFF = "enable_thinking"
"""Switch that chat templates of reasoning models have."""


@dataclass(frozen=True)
class Media:
    """What is shown with a question.

    Attributes:
        frames: uint8 of shape [frames, height, width, 3], RGB, or none.
        samples: float32 of shape [samples], at the processor's rate, or none.
    """

    frames: "NDArray[np.uint8] | None"
    samples: "NDArray[np.float32] | None"


class Prompts:
    """Writes conversations of one question with a processor's chat template.

    Attributes:
        takes_video: whether the processor takes frames, as a video or as pictures.
        takes_audio: whether it takes audio.
        frames_as: `video`, `images`, or `none`.
        longest_seconds: longest audio that the feature extractor keeps whole, or none if it keeps all.
    """

    def __init__(self, family: PlainFamily, settings: Settings) -> None:
        processor = family.processor
        self.tokenizer: Any = processor.tokenizer
        self._family = family
        self._settings = settings
        self._extractor = getattr(processor, "audio_processor", None) or getattr(processor, "feature_extractor", None)
        self.takes_audio = self._extractor is not None
        self.frames_as = _frames_as(processor, settings.frames_as)
        self.takes_video = self.frames_as != "none"
        self._template = getattr(processor, "chat_template", None) or getattr(self.tokenizer, "chat_template", None)
        if not (self.takes_video or self.takes_audio):
            raise MMABenchError(f"{type(processor).__name__} takes neither frames nor audio; use a model that does")
        if self._template is None:
            raise MMABenchError(
                f"{type(processor).__name__} has no chat template, so nothing says how media and question are written; "
                "add chat_template.jinja to the checkpoint's folder"
            )
        self._rate = int(getattr(self._extractor, "sampling_rate", OURS))
        self.longest_seconds = _longest(self._extractor)
        self._markers = _markers(processor)

    def media(self, video: VideoStream | None, audio: AudioStream | None) -> Media:
        """Decode what the processor takes of a stimulus.

        Raises:
            MMABenchError: a stream cannot be used.
        """
        frames = video.frames(self._settings.fps) if video and self.takes_video else None
        if frames is not None and (frames.ndim != 4 or frames.shape[-1] != 3 or 0 in frames.shape):
            raise MMABenchError(f"frames must be uint8 of shape [frames, height, width, 3], got {frames.shape}")
        return Media(frames, self._checked(audio.samples()) if audio and self.takes_audio else None)

    def _checked(self, samples: "NDArray[np.float32]") -> "NDArray[np.float32]":
        if samples.ndim != 1 or len(samples) < _SHORTEST_SECONDS * OURS or not np.isfinite(samples).all():
            raise MMABenchError(
                f"sound must be finite, mono and at least {_SHORTEST_SECONDS} s long, got {samples.shape} at {OURS} Hz"
            )
        seconds = len(samples) / OURS
        if self.longest_seconds and seconds > self.longest_seconds:
            raise MMABenchError(
                f"audio of {seconds:.2f} s, of which {type(self._extractor).__name__} would silently drop all after "
                f"{self.longest_seconds:g} s; use clips of at most {self.longest_seconds:g} s with this family"
            )
        if self._rate == OURS:
            return samples
        from scipy.signal import resample_poly

        resampled: NDArray[np.float32] = resample_poly(samples, self._rate, OURS).astype(np.float32)
        return resampled

    def inputs(self, media: Media, prompt: str) -> "dict[str, Any]":
        """Return the inputs of `generate` for a question, on the model's device.

        Raises:
            MMABenchError: the processor cannot take them, or the prompt is longer than the model reads.
        """
        if found := next((marker for marker in self._markers if marker in prompt), None):
            raise MMABenchError(
                f"the question {prompt[:80]!r} contains {found}, which this model's tokenizer reads as a marker; "
                "change the question, or use a family that this project encodes itself"
            )
        given: dict[str, Any] = {"return_tensors": "pt"}
        if media.frames is not None and self.frames_as == "video":
            given |= {"do_sample_frames": False, "video_metadata": _metadata(media.frames, self._settings.fps)}
        made = self._write(media, prompt, tokenize=True, **given)
        self._check_length(int(made["input_ids"].shape[1]))
        model = self._family.model
        device = model.get_input_embeddings().weight.device
        return {name: _placed(value, device, model.dtype) for name, value in made.items()}

    def _write(self, media: Media, prompt: str, *, tokenize: bool, **given: Any) -> Any:
        """Return what the chat template writes, as text or as the processor's inputs."""
        write = self._family.processor.apply_chat_template
        if given and "processor_kwargs" in inspect.signature(write).parameters:
            given = {"processor_kwargs": given}  # transformers 5.17 takes them one by one
        if _OFF in str(self._template):
            given[_OFF] = False
        try:
            return write(
                self._conversation(media, prompt),
                chat_template=self._template if isinstance(self._template, str) else None,
                add_generation_prompt=True,
                tokenize=tokenize,
                return_dict=tokenize,
                **given,
            )
        except (ValueError, TypeError, KeyError, IndexError, RuntimeError, AttributeError) as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise MMABenchError(
                f"{type(self._family.processor).__name__} cannot take this stimulus: {reason}"
            ) from error

    def placeholders(self, kinds: Sequence[str] = ("image", "video", "audio")) -> set[int]:
        """Return the ids of the tokens that stand for media of some kinds."""
        processor = self._family.processor
        found = {getattr(processor, f"{kind}_token_id", None) for kind in kinds}
        return {int(token) for token in found if token is not None}

    def written(self, media: Media, prompt: str) -> str:
        """Return the conversation as text, with one placeholder for each frame, video or audio.

        Raises:
            MMABenchError: the chat template fails.
        """
        return str(self._write(media, prompt, tokenize=False))

    def option(self, option: str) -> list[int]:
        """Return the tokens of an option.

        Raises:
            MMABenchError: it is empty.
        """
        ids: list[int] = self.tokenizer(option, add_special_tokens=False)["input_ids"]
        if not ids:
            raise MMABenchError("an option of a question is empty, so it has no likelihood; build the dataset again")
        return ids

    def _conversation(self, media: Media, prompt: str) -> list[dict[str, Any]]:
        parts: list[dict[str, Any]] = []
        if media.frames is not None and self.frames_as == "video":
            import torch

            parts.append({"type": "video", "video": torch.from_numpy(media.frames.transpose(0, 3, 1, 2).copy())})
        elif media.frames is not None:
            from PIL import Image

            parts += [{"type": "image", "image": Image.fromarray(frame)} for frame in media.frames]
        if media.samples is not None:
            parts.append({"type": "audio", "audio": media.samples})
        turn = {"role": "user", "content": [*parts, {"type": "text", "text": prompt}]}
        system = self._settings.system_prompt
        before = [{"role": "system", "content": [{"type": "text", "text": system}]}] if system else []
        return [*before, turn]

    def _check_length(self, tokens: int) -> None:
        most = getattr(self._family.text_config, "max_position_embeddings", None)
        wanted = tokens + self._settings.max_new_tokens
        if most and wanted > most:
            raise MMABenchError(
                f"{tokens} tokens of prompt and {self._settings.max_new_tokens} of answer are more than the {most} "
                f"that {type(self._family.model).__name__} reads; lower --model-option fps or max_new_tokens"
            )


def _markers(processor: Any) -> list[str]:
    """Return the texts that are not read as text, longest first."""
    tokenizer = processor.tokenizer
    added = [str(token) for token in tokenizer.added_tokens_decoder.values() if token.special]
    media = [getattr(processor, f"{kind}_token", None) for kind in ("image", "video", "audio")]
    found = {token.strip() for token in [*added, *tokenizer.all_special_tokens, *media] if token}
    return sorted(found - {""}, key=lambda token: (-len(token), token))


def _frames_as(processor: Any, wanted: str) -> str:
    able = {
        "video": getattr(processor, "video_processor", None) is not None,
        "images": getattr(processor, "image_processor", None) is not None,
    }
    if wanted == "auto":
        return next((kind for kind, has in able.items() if has), "none")
    if not able[wanted]:
        raise MMABenchError(f"{type(processor).__name__} takes no {wanted}; leave out --model-option frames_as")
    return wanted


def _longest(extractor: Any) -> float | None:
    """Return the length in seconds after which a feature extractor drops audio unless it is told not to."""
    if extractor is None:
        return None
    known = inspect.signature(type(extractor).__call__).parameters
    if "truncation" not in known or known["truncation"].default is not True:
        return None
    samples = known["max_length"].default if "max_length" in known else None
    samples = samples or getattr(extractor, "n_samples", None)
    return samples / extractor.sampling_rate if samples else None


def _metadata(frames: "NDArray[np.uint8]", fps: float) -> Any:
    from transformers.video_utils import VideoMetadata

    count, height, width = frames.shape[:3]
    return VideoMetadata(
        total_num_frames=count,
        fps=fps,
        width=width,
        height=height,
        duration=count / fps,
        frames_indices=list(range(count)),
    )


def _placed(value: Any, device: "torch.device", dtype: "torch.dtype") -> Any:
    import torch

    if not isinstance(value, torch.Tensor):
        return value
    return value.to(device, dtype) if value.is_floating_point() else value.to(device)
