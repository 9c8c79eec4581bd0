"""Word lists, written as plain text."""


def vocabulary(text: str) -> frozenset[str]:
    """Return the words of ``text``, case folded as the words of an output are."""
    return frozenset(text.split())
