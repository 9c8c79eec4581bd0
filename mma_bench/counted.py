"""Numbers of things in sentences."""


def counted(count: int, noun: str) -> str:
    """Return ``count`` with its ``noun`` in the right number: `1 clip`, `2 clips`, `1,200 clips`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
