"""Media parts of a request in the format of chat completions."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mma_bench.models.endpoint.hosting import MediaHost
from mma_bench.models.endpoint.part import Part


@dataclass(frozen=True)
class EncodedMedia:
    """The media of one stimulus.

    Attributes:
        json: the parts as JSON, joined by commas.
        files: the files that they refer to.
    """

    json: bytes
    files: Sequence[Path] = ()

    def remove(self) -> None:
        """Delete the files."""
        for path in self.files:
            path.unlink(missing_ok=True)


def encode_media(parts: Sequence[Part], host: MediaHost | None, audio_as: str) -> EncodedMedia:
    """Return ``parts`` as JSON for all questions: encoding megabytes for each would dominate the cost.

    Args:
        parts: the media of a stimulus.
        host: host of files that are sent by reference; without it, or if it hosts nothing, data is sent inline.
        audio_as: how audio is sent, see `OpenAISettings.audio_as`.
    """
    encoded, files = [], []
    for part in parts:
        if host is None or not host.is_open:
            encoded.append(_inline(part, audio_as))
            continue
        path, place = host.put(part)
        files.append(path)
        encoded.append(_reference(part.kind, json.dumps(place)[1:-1].encode("ascii")))
    return EncodedMedia(b",".join(encoded), files)


def _inline(part: Part, audio_as: str) -> bytes:
    mime, data = part.mime.encode("ascii"), base64.b64encode(part.data)
    if part.kind == "audio" and audio_as != "audio_url":
        form = part.mime.removeprefix("audio/").encode("ascii")
        start = b"data:%b;base64," % mime if audio_as == "data_url" else b""
        return b'{"type": "input_audio", "input_audio": {"format": "%b", "data": "%b%b"}}' % (form, start, data)
    return _reference(part.kind, b"data:%b;base64,%b" % (mime, data))


def _reference(kind: str, place: bytes) -> bytes:
    name = f"{kind}_url".encode("ascii")
    return b'{"type": "%b", "%b": {"url": "%b"}}' % (name, name, place)
