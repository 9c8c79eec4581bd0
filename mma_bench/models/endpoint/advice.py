"""What to try when a server fails on media."""

from typing import Any

ABOUT_CONTENT = frozenset({400, 413, 415, 422, 500, 501})
"""Statuses with which servers reject media that they do not support; others are about keys, names or load."""


def media_advice(status: int, *, has_media: bool, settings: Any) -> str:
    """Return what to try after a failed request, as the end of a sentence, or an empty text.

    Args:
        status: HTTP status.
        has_media: whether the request contained media.
        settings: the endpoint's settings: options that are already set are not suggested.
    """
    if not has_media or status not in ABOUT_CONTENT:
        return ""
    if status == 413:
        return "; the media of one request are too large for the server: try --model-option media=frames with size=224"
    ways = [] if settings.media == "frames" else ["media=frames"]
    if getattr(settings, "transfer", None) == "inline":
        is_gemini = not hasattr(settings, "audio_as")
        ways += ["transfer=upload"] if is_gemini else ["transfer=url", "transfer=path"]
    if getattr(settings, "audio_as", None) == "input_audio":
        ways += ["audio_as=data_url", "audio_as=audio_url"]
    if settings.media == "parts":
        ways.append("media=muxed")
    if getattr(settings, "streams", None) == "both" and settings.media in ("parts", "frames"):
        ways += ["streams=video (for a model without audio)", "streams=audio (for one without video)"]
    if not ways:
        return ""
    return f"; if the server cannot take media in this form, try --model-option {' or '.join(ways)} (docs/models.md)"
