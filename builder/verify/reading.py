"""Outputs as they are stored and shown."""

import unicodedata

_LONGEST = 4000


def kept_text(text: str) -> str:
    """Return an output as it is stored: valid UTF-8, and of a very long one its beginning and end."""
    clean = text.encode("utf-8", errors="replace").decode("utf-8").replace("\x00", "�")
    return clean if len(clean) <= _LONGEST else f"{clean[: _LONGEST // 2]} … {clean[-_LONGEST // 2 :]}"


def quoted(text: str, longest: int = 60) -> str:
    """Return an output in one short line without control or direction characters, for a person to read."""
    visible = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in text)
    line = " ".join(visible.split())
    return line if len(line) <= longest else f"{line[: longest - 1]}…"
