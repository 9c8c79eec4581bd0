"""One piece of the media of a request."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Part:
    """One piece of media.

    Attributes:
        kind: kind of media; a `video` is silent unless it was muxed.
        mime: media type, such as `audio/wav`.
        data: the file.
    """

    kind: Literal["video", "audio", "image"]
    mime: str
    data: bytes
