"""What to try when a server fails on media."""

from typing import Any

from mma_bench.errors import MMABenchError

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


def refuse_wrong_scheme(name: str, url: str, said: str) -> None:
    """Raise an error if a connection failed in a way that no repetition changes.

    Args:
        name: name of the model.
        url: address of the server.
        said: what the connection failed with.

    Raises:
        MMABenchError: the certificate is not trusted, or the server does not speak TLS.
    """
    if "CERTIFICATE_VERIFY_FAILED" in said:
        raise MMABenchError(
            f"{name}: the certificate of the server is not trusted ({said}); if it is your own, set the environment "
            "variable SSL_CERT_FILE to a file of the certificate that signed it"
        )
    if url.startswith("https:") and ("WRONG_VERSION_NUMBER" in said or "RECORD_LAYER_FAILURE" in said):
        raise MMABenchError(f"{name}: the server does not speak TLS ({said}); use http:// in its address")


def connection_advice(url: str, said: str) -> str:
    """Return what may be wrong with a connection that was closed without a reply, as the end of a sentence."""
    if said.strip() in ("ReadError", "RemoteProtocolError") and url.startswith("http:"):
        return "; the server closed the connection without a reply: if it speaks TLS, use https:// in its address"
    return ""


def page_advice(said: str) -> str:
    """Return what is wrong if a reply is a web page, as the end of a sentence."""
    if not said.lstrip()[:20].lower().startswith(("<!doctype", "<html", "<head", "<?xml")):
        return ""
    return "; this is a web page, no reply: check the path of the address, which often ends in /v1"
