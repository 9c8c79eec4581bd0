"""The wording of MMA-Bench's questions, as published (arXiv 2511.22826, authors' repository).

Underscores in class names are kept, options stand in one line separated by comma and space, and there
is neither a letter before an option nor a "none" among them.

A prompt is made of parts, which are stored with its text. Conditions, variants and protocols change parts and make the
text again; nothing searches a text for what it was made of.
"""

import functools
import random
import string
from collections.abc import Sequence
from dataclasses import dataclass
from string import Formatter
from typing import Any, Literal

from mma_bench.errors import MMABenchError
from mma_bench.schema import Modality, Prompt, Question

QUESTION = "Which class best describes the {modality} content of this video? {options} {suffix}"
OPTIONS = "Options: {options}."
CAPTION = "Video_caption: {caption}."
CLASS_NAME_SUFFIX = "Answer using a single class name."
CAPTION_SUFFIX = "Answer the question using a single word or phrase."

NONE_OF_THE_ABOVE = "None of the above"
"""The option that says that no other is right."""

YES, NO = "Yes", "No"
"""The options of yes/no questions."""

ABSTENTIONS = {
    Modality.VISUAL: "There is nothing to see in this video.",
    Modality.AUDIO: "There is nothing to hear in this video.",
}
"""What training teaches to say where the asked modality was removed."""

Position = Literal["after", "before"]

_PLACES = ("options", "suffix")

Role = Literal["unrelated", "caption", "question", "option"]


@dataclass(frozen=True)
class Piece:
    """A piece of the text of a prompt.

    Attributes:
        text: the piece, with the space before it.
        role: what it is; the suffix belongs to the question.
        option: number of the option, counted from 0, if it is one.
    """

    text: str
    role: Role
    option: int | None = None


def render(parts: Prompt, options: Sequence[str]) -> str:
    """Return the text of a prompt.

    Raises:
        ValueError: `question` is not a template, see `mma_bench.schema.Prompt`.
    """
    values = {"options": ", ".join(options), "suffix": parts.suffix}
    asked = "".join(text + values.get(place, "") for text, place in _pieces(parts.question))
    return " ".join(part for part in (parts.before, parts.caption, asked, parts.after) if part)


def pieces(parts: Prompt, options: Sequence[str]) -> list[Piece]:
    """Return the pieces of a prompt in their order; joined, they are the text that `render` returns.

    Raises:
        ValueError: as `render`.
    """
    found: list[Piece] = []
    around: list[tuple[Role, str]] = [("unrelated", parts.before), ("caption", parts.caption)]
    for role, text in around:
        if text:
            found.append(Piece(f" {text}" if found else text, role))
    asked: list[Piece] = []
    for text, place in _pieces(parts.question):
        asked.append(Piece(text, "question"))
        if place == "options":
            for number, option in enumerate(options):
                if number:
                    asked.append(Piece(", ", "question"))
                asked.append(Piece(option, "option", number))
        elif place == "suffix":
            asked.append(Piece(parts.suffix, "question"))
    asked = [piece for piece in asked if piece.text]
    found += [Piece(" ", "question")] * bool(found and asked) + asked
    if parts.after:
        found.append(Piece(f" {parts.after}" if found else parts.after, "unrelated"))
    return found


def parts_of(question: Question) -> Prompt:
    """Return the parts of a question's prompt; of a text without parts, a prompt that is all one piece.

    Such a text has no place for other options, no suffix and no caption; text can be put before and after it.
    """
    if question.parts is not None and is_rendered(question):
        return question.parts
    return Prompt(question=doubled(question.prompt))


def is_rendered(question: Question) -> bool:
    """Return whether the prompt is the text of its parts, or has no parts."""
    if question.parts is None:
        return True
    try:
        return question.prompt == render(question.parts, question.options)
    except ValueError:
        return False


def with_prompt(question: Question, parts: Prompt, options: Sequence[str] | None = None) -> Question:
    """Return ``question`` with a prompt of these parts, and with other options if they are given.

    Raises:
        MMABenchError: there are other options, and the prompt has no place for them; or the part `question` is not a
            template.
    """
    try:
        text = render(parts, question.options if options is None else options)
        listed = lists_options(parts)
    except ValueError as error:
        raise MMABenchError(
            f"{question.question_id}: its part `question` is not a template: {error}; double all other braces"
        ) from error
    if options is None:
        return question.changed(prompt=text, parts=parts)
    if not listed:
        raise without_parts(question, "its options")
    return question.changed(prompt=text, parts=parts, options=list(options))


def reword(question: Question, /, **changes: Any) -> Question:
    """Return ``question`` with other parts of its prompt, and the text that they make.

    Args:
        question: what is asked.
        changes: fields of `mma_bench.schema.Prompt`, such as ``before="An unrelated sentence."``.

    Raises:
        TypeError: a prompt has no such part.
    """
    return with_prompt(question, parts_of(question).changed(**changes))


def settled(question: Question) -> Question:
    """Return ``question`` without its parts if its text is another one: then somebody changed only the text."""
    return question if is_rendered(question) else question.changed(prompt=question.prompt)


def lists_options(parts: Prompt) -> bool:
    """Return whether the question has a place for its options, as all of ours do."""
    return any(place == "options" for _, place in _pieces(parts.question))


def without_parts(question: Question, what: str) -> MMABenchError:
    """Return the error that a prompt is a text in which ``what`` cannot be changed."""
    return MMABenchError(
        f"{question.question_id}: {what} cannot be changed, because its prompt is one text without parts; whatever "
        "made it must use mma_bench.questions.reword (docs/extending.md). If prompts of the dataset were edited, "
        "`mma-bench verify-data` names them"
    )


def standard(modality: Modality) -> Prompt:
    """Return the parts of the standard question about ``modality``."""
    return Prompt(question=question_template(QUESTION, OPTIONS, modality), suffix=CLASS_NAME_SUFFIX)


def question(modality: Modality, options: Sequence[str]) -> str:
    """Return the text of the standard question about ``modality``."""
    return render(standard(modality), options)


def captioned(parts: Prompt, name: str) -> Prompt:
    """Return ``parts`` with a caption that names a class; the paper changes the suffix for these."""
    return parts.changed(caption=caption_line(name), caption_class=name, suffix=CAPTION_SUFFIX)


def caption_line(name: str) -> str:
    """Return how a prompt says its caption."""
    return CAPTION.format(caption=name)


def padded(parts: Prompt, noise: str, position: Position) -> Prompt:
    """Return ``parts`` with unrelated text after everything (as in the paper's tables) or before everything."""
    if position == "after":
        return parts.changed(after=" ".join(filter(None, (parts.after, noise))))
    return parts.changed(before=" ".join(filter(None, (noise, parts.before))))


def question_template(question: str, options: str, modality: str = "") -> str:
    """Return the part `question` of a prompt.

    Args:
        question: the question with the places {modality}, {options} and {suffix}.
        options: the list of options with the place {options}.
        modality: what is asked about.
    """
    values = {"modality": doubled(modality), "options": options, "suffix": "{suffix}"}
    pieces = _pieces(question, ("modality", *_PLACES))
    return "".join(doubled(text) + values.get(place, "") for text, place in pieces)


def doubled(text: str) -> str:
    """Return ``text`` as it is written in a template: with its braces doubled."""
    return text.replace("{", "{{").replace("}", "}}")


@functools.lru_cache(maxsize=64)
def _pieces(template: str, places: tuple[str, ...] = _PLACES) -> tuple[tuple[str, str], ...]:
    """Return (text, place after it, or nothing) for each piece of a template.

    A dataset may be anybody's, so a template is never given to `str.format`: each place once, without a format.
    """
    pieces: list[tuple[str, str]] = []
    for text, place, form, how in Formatter().parse(template):
        if place is not None and (place not in places or form or how or place in [known for _, known in pieces]):
            raise ValueError(f"its places are {{options}} and {{suffix}}, each at most once; got {place!r:.50}")
        pieces.append((text, place or ""))
    return tuple(pieces)


def lying_captions(classes: Sequence[str], labels: tuple[str | None, str | None], answer: str) -> list[str]:
    """Return the classes that a caption may name to lie.

    Args:
        classes: all classes.
        labels: the classes of the video and of the audio.
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
