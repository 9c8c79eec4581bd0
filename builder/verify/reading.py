"""The stored form of outputs."""

_LONGEST = 4000


def kept_text(text: str) -> str:
    """Return an output as stored: valid UTF-8, and only the beginning and end if it is very long."""
    clean = text.encode("utf-8", errors="replace").decode("utf-8").replace("\x00", "�")
    return clean if len(clean) <= _LONGEST else f"{clean[: _LONGEST // 2]} … {clean[-_LONGEST // 2 :]}"
