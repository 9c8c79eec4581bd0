"""How the loopback model server behaves, and what it saw."""

from collections import deque
from dataclasses import dataclass, field
from typing import Any


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
            `filter`, `cut`, `reset`, `malformed`, `html`, `list`, `no choices`, `null`, `refusal`, `huge`, `hang`.
        always: this fault for each request, when no other is left.
        delay: seconds that each request takes.
        slots: requests that are served at once; fixed when the server starts.
    """

    drop_audio: bool = False
    drop_video: bool = False
    counts: bool = True
    constant: str | None = None
    key: str | None = None
    faults: deque[str] = field(default_factory=deque)
    always: str = ""
    delay: float = 0.0
    slots: int = 256

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
