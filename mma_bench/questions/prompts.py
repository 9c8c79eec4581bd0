"""The wording of MMA-Bench's questions, as published (arXiv 2511.22826, authors' repository).

Underscores in class names are kept, options stand in one line separated by comma and space, and there
is neither a letter before an option nor a "none" among them.
"""

import random
import string
from collections.abc import Sequence
from typing import Literal

from mma_bench.schema import Modality

CLASS_NAME_SUFFIX = "Answer using a single class name."
CAPTION_SUFFIX = "Answer the question using a single word or phrase."

NONE_OF_THE_ABOVE = "None of the above"
"""The option that says that no other is right."""

ABSTENTIONS = {
    Modality.VISUAL: "There is nothing to see in this video.",
    Modality.AUDIO: "There is nothing to hear in this video.",
}
"""What training teaches to say where the asked modality was removed."""

Position = Literal["after", "before"]


def question(modality: Modality, options: Sequence[str], *, suffix: str = CLASS_NAME_SUFFIX) -> str:
    """Return the standard question about ``modality``."""
    return f"Which class best describes the {modality} content of this video? {options_line(options)} {suffix}"


def options_line(options: Sequence[str]) -> str:
    """Return how a prompt lists its options."""
    return f"Options: {', '.join(options)}."


def with_caption(modality: Modality, options: Sequence[str], caption: str) -> str:
    """Return the question with a caption before it; the paper changes the suffix for these."""
    return f"{caption_line(caption)} {question(modality, options, suffix=CAPTION_SUFFIX)}"


def caption_line(caption: str) -> str:
    """Return how a prompt says its caption."""
    return f"Video_caption: {caption}."


def lying_captions(classes: Sequence[str], labels: tuple[str | None, str | None], answer: str) -> list[str]:
    """Return the classes that a caption may name to lie.

    Args:
        classes: all classes.
        labels: what the video and the sound show.
        answer: what the question is answered with.

    Returns:
        The classes that neither stream shows. Of two classes, both in the clip, the only lie left is the
        other modality's.
    """
    return [name for name in classes if name not in labels] or [name for name in classes if name != answer]


def target(modality: Modality, answer: str, *, answerable: bool) -> str:
    """Return what training teaches to say: the answer, or that there is nothing to see or to hear."""
    return answer if answerable else ABSTENTIONS[modality]


def random_letters(count: int, seed: str) -> str:
    """Return ``count`` random letters separated by spaces, the same for the same seed."""
    generator = random.Random(seed)  # noqa: S311  (noise, not a secret)
    return " ".join(generator.choices(string.ascii_letters, k=count))


def random_words(count: int, seed: str) -> str:
    """Return ``count`` words of 2 to 8 random letters separated by spaces, the same for the same seed."""
    generator = random.Random(seed)  # noqa: S311
    return " ".join("".join(generator.choices(string.ascii_lowercase, k=generator.randint(2, 8))) for _ in range(count))


def with_noise(prompt: str, noise: str, position: Position) -> str:
    """Return ``prompt`` with unrelated text after it (as in the paper's tables) or before it."""
    return f"{prompt} {noise}" if position == "after" else f"{noise} {prompt}"
