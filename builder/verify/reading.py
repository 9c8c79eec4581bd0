"""Outputs as they are stored."""

_LONGEST = 4000


def kept_text(text: str) -> str:
    """Return an output as it is stored: valid UTF-8, and of a very long one its beginning and end."""
    clean = text.encode("utf-8", errors="replace").decode("utf-8").replace("\x00", "�")
    return clean if len(clean) <= _LONGEST else f"{clean[: _LONGEST // 2]} … {clean[-_LONGEST // 2 :]}"
