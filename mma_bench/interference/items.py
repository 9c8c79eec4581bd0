"""One question with what it is about: what a source makes of its data, and interventions change."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from mma_bench.files.hashing import sha256_json
from mma_bench.interference.protocol import TaskKind
from mma_bench.schema import Prompt, Stream

_MADE = 1
"""Version of how pictures and sounds become streams; part of every stream's hash."""

Origin = Literal["clip", "black", "silence", "altered"]
Channel = Literal["text", "picture", "sound"]
"""What an intervention changes: the text before a question, what is shown, or what is heard."""


@dataclass(frozen=True)
class Media:
    """A picture, a video or a sound that can be a stream of a stimulus.

    Attributes:
        name: hash of all that decides its bytes.
        read: returns the stream, mp4 or flac, for a length in seconds.
        label: class that it shows, if it has one.
        origin: see `mma_bench.schema.Stream`.
        source: file or clip that it comes from.
        seconds: its own length, if it cannot be made longer.
        regular_keys: see `mma_bench.dataset.media.Media`.
    """

    name: str
    read: Callable[[float], bytes]
    label: str | None = None
    origin: Origin = "clip"
    source: str | None = None
    seconds: float | None = None
    regular_keys: bool = True

    def stream(self, seconds: float) -> Stream:
        """Return the description of the stream that `read` makes."""
        name = self.name if self.seconds is not None else sha256_json([_MADE, self.name, seconds])
        return Stream(
            origin=self.origin,
            clip_id=self.source,
            label=self.label,
            sha256=name,
            seconds=self.seconds if self.seconds is not None else seconds,
        )

    def fits(self, seconds: float) -> bool:
        """Return whether it can be played for ``seconds``."""
        return self.seconds is None or self.seconds >= seconds - 0.05


@dataclass(frozen=True)
class Item:
    """One question and its media, before any intervention.

    Attributes:
        item_id: unique; letters, digits, `_` and `-`.
        cluster: the source item that it is about; answers about the same one depend on each other.
        kind: what it cannot be answered without.
        parts: the prompt.
        options: in the order of the prompt.
        answer: the right option.
        lettered: whether the letter of an option is an answer.
        picture: what is shown.
        sound: what is heard.
        seconds: length to play.
        irrelevant: channels that should not matter, which interventions may change.
        misleading: template of a sentence that suggests `{option}`.
        labels: classes that picture and sound show; unrelated media are of others.
        clean: names of interventions that would change nothing, such as `black` where the frames are black already.
    """

    item_id: str
    cluster: str
    kind: TaskKind
    parts: Prompt
    options: Sequence[str]
    answer: str
    lettered: bool
    picture: Media
    sound: Media
    seconds: float
    irrelevant: frozenset[Channel]
    misleading: str
    labels: frozenset[str] = field(default_factory=frozenset)
    clean: frozenset[str] = field(default_factory=frozenset)

    def option_named(self, label: str | None) -> str | None:
        """Return the wrong option that is the class ``label``, whatever the case; none if there is none."""
        named = (label or "").casefold()
        return next((one for one in self.options if one.casefold() == named and one != self.answer), None)

    @property
    def identity(self) -> list[object]:
        """All that decides what is asked without an intervention."""
        streams = [self.picture.stream(self.seconds).sha256, self.sound.stream(self.seconds).sha256]
        return [self.item_id, self.kind, self.parts.model_dump(), list(self.options), self.answer, *streams]
