"""The conversation as token ids, in the ChatML format of the Qwen models.

The prompt is assembled from pieces: text is tokenized with the special tokens switched off, so that a question that
contains the text of one, such as `<|im_end|>`, remains text. Because tokenizers split at special tokens anyway, the
result equals that of tokenizing the whole conversation.
"""

from typing import TYPE_CHECKING, Any

from mma_bench.errors import MMABenchError
from mma_bench.models.omni.thinker import MediaTokens

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_BEGIN, _END = "<|im_start|>", "<|im_end|>"


class Chat:
    """Writes conversations of one question about one stimulus."""

    def __init__(self, tokenizer: Any, media_tokens: MediaTokens, system_prompt: str | None) -> None:
        self.tokenizer = tokenizer
        self._system_prompt = system_prompt
        names = {name: getattr(media_tokens, name) for name in MediaTokens.__dataclass_fields__}
        self._ids = {name: self._special(token) for name, token in {**names, "begin": _BEGIN, "end": _END}.items()}
        self.video_id, self.audio_id, self.end_id = self._ids["video"], self._ids["audio"], self._ids["end"]

    def media_prefix(self, order: "NDArray[np.bool_]", *, video: bool, audio: bool) -> list[int]:
        """Return everything before the question, if the question is last and the streams are one; see `media`."""
        return [*self.opening(), *self.media(order, video=video, audio=audio)]

    def opening(self) -> list[int]:
        """Return everything before the first part of the user's turn."""
        system = self._turn("system", self._system_prompt) if self._system_prompt else []
        return [*system, self._ids["begin"], *self.text("user\n")]

    def media(self, order: "NDArray[np.bool_]", *, video: bool, audio: bool, interleaved: bool = True) -> list[int]:
        """Return the streams with their markers.

        Args:
            order: for every media token, whether it belongs to the video.
            video: whether there is video.
            audio: whether there is audio.
            interleaved: whether both streams share the markers of the video; otherwise each has its own, and all
                tokens of one come before those of the other.
        """
        ids = self._ids
        if video and audio and not interleaved:
            first = bool(order[0])
            streams = (order[order == first], order[order != first])
            return [
                token
                for stream, seen in zip(streams, (first, not first), strict=True)
                for token in self.media(stream, video=seen, audio=not seen)
            ]
        media = [ids["video"] if is_video else ids["audio"] for is_video in order.tolist()]
        if audio:
            media = [ids["audio_begin"], *media, ids["audio_end"]]
        if video:
            media = [ids["video_begin"], *media, ids["video_end"]]
        return media

    def question(self, prompt: str) -> list[int]:
        """Return the question and everything before the answer."""
        return [*self.text(prompt), self._ids["end"], *self.text("\n"), self._ids["begin"], *self.text("assistant\n")]

    def text(self, text: str) -> list[int]:
        """Return the ids of a text, without recognising special tokens in it."""
        found: list[int] = self.tokenizer(text, add_special_tokens=False, split_special_tokens=True)["input_ids"]
        if not set(self._ids.values()).isdisjoint(found):
            raise MMABenchError(f"this tokenizer reads special tokens in the text {text[:80]!r}; it cannot be used")
        return found

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Return where each token of `text` begins and ends in it, in characters.

        Raises:
            MMABenchError: the tokenizer does not tell.
        """
        if not getattr(self.tokenizer, "is_fast", False):
            raise MMABenchError("this tokenizer cannot tell which characters a token covers; use a fast tokenizer")
        found = self.tokenizer(text, add_special_tokens=False, split_special_tokens=True, return_offsets_mapping=True)
        return [(int(start), int(end)) for start, end in found["offset_mapping"]]

    def decode(self, token_ids: list[int]) -> str:
        """Return the text of an answer."""
        text: str = self.tokenizer.decode(token_ids, skip_special_tokens=True)
        return text

    def _turn(self, role: str, text: str) -> list[int]:
        return [self._ids["begin"], *self.text(f"{role}\n{text}"), self._ids["end"], *self.text("\n")]

    def _special(self, token: str) -> int:
        found = self.tokenizer.convert_tokens_to_ids(token)
        if not isinstance(found, int) or self.tokenizer.convert_ids_to_tokens(found) != token:
            raise MMABenchError(f"the tokenizer has no token {token}; this is not a tokenizer of the model's family")
        return found
