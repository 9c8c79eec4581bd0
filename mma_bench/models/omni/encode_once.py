"""Several questions about one stimulus from one pass over its media.

System message and media come before the question, so all questions share their keys and values. These are computed
once, from encoder outputs that are shared with other stimuli with the same stream; the questions run on copies. Only if
the question comes first (`layout=question-first`) are they computed for each question, from the same encoder outputs.
"""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mma_bench.errors import MMABenchError
from mma_bench.models.omni.answering import Answering, Asked, Prefix, Reply
from mma_bench.models.omni.chat import Chat
from mma_bench.models.omni.conversation import Conversation, Layout
from mma_bench.models.omni.encoder_cache import Encoded, EncoderCache
from mma_bench.models.omni.frames import FrameFormat, to_patches
from mma_bench.models.omni.settings import Settings
from mma_bench.models.omni.sound import log_mel
from mma_bench.models.omni.thinker import Thinker
from mma_bench.models.omni.turns import turns

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray


@dataclass(frozen=True)
class VideoStream:
    """A video without audio.

    Attributes:
        key: name under which its encoded form is kept, such as the hash of the file and the length played.
        frames: returns the frames for a number of frames per second: [frames, height, width, 3], uint8, RGB.
    """

    key: str
    frames: "Callable[[float], NDArray[np.uint8]]"


@dataclass(frozen=True)
class AudioStream:
    """An audio stream.

    Attributes:
        key: name under which its encoded form is kept, such as the hash of the file and the length played.
        samples: returns the audio: [samples], float32, mono, 16 kHz, range -1 to 1.
    """

    key: str
    samples: "Callable[[], NDArray[np.float32]]"


@dataclass(frozen=True)
class MediaInputs:
    """Everything up to the end of the media, as the language model gets it.

    Attributes:
        layout: the tokens.
        embeddings: shape [1, tokens, hidden size].
        video_mask: which tokens belong to the video, shape [1, tokens].
        deepstack: see `Encoded`.
        grid: patches of the video along time, height and width, or none.
        frames: frames of the audio spectrum, 0 for no audio.
    """

    layout: Layout
    embeddings: "torch.Tensor"
    video_mask: "torch.Tensor"
    deepstack: "tuple[torch.Tensor, ...]"
    grid: tuple[int, int, int] | None
    frames: int


class EncodeOnce:
    """Answers questions with a thinker.

    Attributes:
        thinker: the model.
        frame_format: input format of its vision encoder.
        settings: how the checkpoint is used.
        extractor: the feature extractor of its checkpoint.
        chat: turns text and markers into tokens.
        conversation: lays out conversations.
        answering: computes answers from a prefix.
        videos: cache of encoded videos.
        sounds: cache of encoded audio.
    """

    def __init__(
        self, thinker: Thinker, tokenizer: Any, extractor: Any, frame_format: FrameFormat, settings: Settings
    ) -> None:
        self.thinker = thinker
        self.frame_format = frame_format
        system_prompt = thinker.system_prompt if settings.system_prompt is None else settings.system_prompt
        self.chat = Chat(tokenizer, thinker.media_tokens, system_prompt)
        self.answering = Answering(thinker, self.chat, settings, stop_tokens(thinker, tokenizer, self.chat))
        self.videos = EncoderCache(settings.encoder_cache_mb * 2**20)
        self.sounds = EncoderCache(settings.encoder_cache_mb * 2**20)
        self.extractor = extractor
        self.settings = settings
        self.conversation = Conversation(thinker, self.chat, self.seconds_per_grid, settings.layout)
        self._check_tokens()

    @property
    def seconds_per_grid(self) -> float:
        """Time from one step of the video encoder's grid to the next."""
        return self.frame_format.temporal_patch_size / self.settings.fps

    def answer(self, video: VideoStream | None, audio: AudioStream | None, questions: Sequence[Asked]) -> list[Reply]:
        """Answer questions about video, audio, or both at the same time.

        Raises:
            MMABenchError: there is no stream, or one cannot be used.
        """
        import torch

        with torch.inference_mode():
            encoded = self.encoded(video, audio)  # once for all questions, even without a cache
            prefix = functools.lru_cache(1)(lambda lead: self.run(self.placed(*encoded, lead)))
            replies: dict[int, Reply] = {}
            for turn in turns(self.conversation, [q.prompt for q in questions], self.settings.batch_size):
                options = [questions[i].options for i in turn.members]
                found = self.answering.ask(prefix(turn.lead), turn.token_ids, options)
                replies.update(zip(turn.members, found, strict=True))
        return [replies[index] for index in range(len(questions))]

    def prefix(self, video: VideoStream | None, audio: AudioStream | None, lead: str = "") -> Prefix:
        """Run everything up to the end of the media through the encoders and the language model."""
        return self.run(self.media_inputs(video, audio, lead=lead))

    def media_inputs(
        self, video: VideoStream | None, audio: AudioStream | None, *, text_alone: bool = False, lead: str = ""
    ) -> MediaInputs:
        """Run everything up to the end of the media through the encoders.

        Args:
            video: the video, or none.
            audio: the audio, or none.
            text_alone: whether there may be neither.
            lead: text before the media, see `Conversation.lead`.

        Raises:
            MMABenchError: there is no stream.
        """
        return self.placed(*self.encoded(video, audio, text_alone=text_alone), lead)

    def encoded(
        self, video: VideoStream | None, audio: AudioStream | None, *, text_alone: bool = False
    ) -> tuple[Encoded | None, Encoded | None]:
        """Return the streams after their encoders; see `media_inputs`.

        Raises:
            MMABenchError: there is no stream.
        """
        seen = self.videos.get(video.key, lambda: self._see(video)) if video else None
        heard = self.sounds.get(audio.key, lambda: self._hear(audio)) if audio else None
        if not seen and not heard and not text_alone:
            raise MMABenchError("a question needs video or audio; give at least one stream")
        return seen, heard

    def placed(self, seen: Encoded | None, heard: Encoded | None, lead: str = "") -> MediaInputs:
        """Return encoded streams where they are in the conversation, with everything before them."""
        import torch

        grid, frames = seen.grid if seen else None, heard.frames if heard else 0
        before = self.conversation.media(grid, frames, lead)
        token_ids = torch.tensor([before.ids], device=self.thinker.device)
        embeddings = self.thinker.embed(token_ids)
        for stream, placeholder in ((seen, self.chat.video_id), (heard, self.chat.audio_id)):
            if stream:
                embeddings[token_ids == placeholder] = stream.tokens.to(embeddings.device, embeddings.dtype)
        deepstack = seen.deepstack if seen else ()
        return MediaInputs(before, embeddings, token_ids == self.chat.video_id, deepstack, grid, frames)

    def run(self, inputs: MediaInputs) -> Prefix:
        """Run everything up to the end of the media through the language model."""
        positions = inputs.layout.positions[:, None].to(self.thinker.device)
        cache = self.answering.new_cache()
        self.thinker.run(inputs.embeddings, positions, cache, video_mask=inputs.video_mask, deepstack=inputs.deepstack)
        # As the models count: from the last token on, although video that outlasts the audio ends at a higher one.
        return Prefix(cache, len(inputs.layout.ids), positions[..., -1].max() + 1)

    def _see(self, video: VideoStream) -> Encoded:
        return self.thinker.encode_video(to_patches(video.frames(self.settings.fps), self.frame_format))

    def _hear(self, audio: AudioStream) -> Encoded:
        spectrum = log_mel(audio.samples(), self.extractor, silence_follows=self.thinker.silence_follows_sound)
        return self.thinker.encode_audio(spectrum)

    def _check_tokens(self) -> None:
        config = self.thinker.config
        for name, here in (("video_token_id", self.chat.video_id), ("audio_token_id", self.chat.audio_id)):
            if getattr(config, name) != here:
                raise MMABenchError(
                    f"the tokenizer's {name} is {here}, the model's is {getattr(config, name)}: they do not match; "
                    "use both from one checkpoint"
                )


def stop_tokens(thinker: Thinker, tokenizer: Any, chat: Chat) -> list[int]:
    """Return the tokens that end an answer: the end of a turn, and those that the checkpoint names."""
    named = getattr(thinker.model.generation_config, "eos_token_id", None)
    stored = named if isinstance(named, list) else [named]
    return sorted({chat.end_id, *(int(token) for token in [*stored, tokenizer.eos_token_id] if token is not None)})
