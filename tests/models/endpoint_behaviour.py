"""How the loopback model server behaves, and what it saw."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass
class Behaviour:
    """How the server behaves. Attributes may be changed while it runs.

    Attributes:
        drop_audio: forget the sound without a word: as if it had not been sent, in answers and token counts.
        drop_video: the same for the picture.
        counts: whether token counts are reported.
        constant: always answer this, whatever was sent; nothing is decoded beyond what counting tokens takes.
        key: refuse requests without this key, repeating the key that was sent.
        faults: one is used up by each request: `429` (with Retry-After), `429 long`, `quota`, `500`, `503`, `400`,
            `413`, `422`, `307`,
            `filter`, `cut`, `reset`, `malformed`, `html`, `list`, `no choices`, `null`, `refusal`, `huge`, `hang`.
        words: what refusals and pages of errors say.
        always: this fault for each request, when no other is left.
        thinking: tokens that the model thinks before it answers; with a smaller limit its answer is empty.
        reasoning_field: where its reasoning is: a field of the message, `inline` or `parts`.
        thought: what that reasoning says.
        served_by: the model that replies name.
        content_parts: content is a list of parts.
        only_streams: requests that are not streamed are refused, and `stream_options` too.
        no_data: media types, such as `video`, that are refused as data URLs with HTTP 500.
        audio_data_url: audio is taken as a data URL only.
        delay: seconds that each request takes.
        slots: requests that are served at once; fixed when the server starts.
        tamper: changes the media before the model gets them.
        retort: changes the answer to a prompt.
        recount: changes the number of tokens.
    """

    drop_audio: bool = False
    drop_video: bool = False
    counts: bool = True
    constant: str | None = None
    key: str | None = None
    faults: deque[str] = field(default_factory=deque)
    words: str = "some\x1b[31m trouble\n"
    always: str = ""
    thinking: int = 0
    reasoning_field: str = "reasoning_content"
    thought: str = "The user asks about Cat and Dog."
    served_by: str = "cascade"
    content_parts: bool = False
    only_streams: bool = False
    no_data: tuple[str, ...] = ()
    audio_data_url: bool = False
    delay: float = 0.0
    slots: int = 256
    tamper: Callable[[Any], Any] | None = None
    retort: Callable[[str, str], str] | None = None
    recount: Callable[[int], int] | None = None

    @property
    def is_blind(self) -> bool:
        """Whether nothing depends on the media: they are read from the network and left alone."""
        return self.constant is not None and not self.counts


@dataclass
class Seen:
    """One request for an answer: its parts in order, the prompt, and the whole body."""

    parts: list[tuple[str, int]]
    prompt: str
    body: dict[str, Any]
    fault: str
    time: float


@dataclass
class Received:
    """The media of one request; with ``deaf`` the sound inside a video counts for nothing."""

    deaf: bool = False
    pictures: list[bytes] = field(default_factory=list)
    videos: list[bytes] = field(default_factory=list)
    sounds: list[bytes] = field(default_factory=list)


class Thinking(Protocol):
    """What answers for the server."""

    def answer(self, prompt: str, media: Received) -> tuple[str, dict[str, float]]:
        """Return an answer, and the log-probability of each option."""
