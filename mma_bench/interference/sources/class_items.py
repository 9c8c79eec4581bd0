"""Questions about the class of a picture or a sound."""

import random
from collections.abc import Sequence

from mma_bench.interference import pictures, sounds
from mma_bench.interference.items import Item, Media
from mma_bench.interference.prompts import prompt_of
from mma_bench.interference.protocol import Protocol, TaskKind
from mma_bench.interference.sources.options import Similar, by_name, check_classes, draw_options


class ClassQuestions:
    """Makes questions about classes.

    Args:
        protocol: number and kind of options, wording, names of classes.
        names: all classes, as the data name them.
        where: the data, for messages.

    Raises:
        MMABenchError: there are too few classes, or an answer could not tell two of them apart.
    """

    def __init__(self, protocol: Protocol, names: Sequence[str], where: str) -> None:
        self._protocol = protocol
        self._shown = {name: protocol.class_names.get(name, name) for name in names}
        self._classes = sorted(self._shown.values())
        check_classes(self._classes, where)
        self._similar: Similar | None = by_name() if protocol.distractors == "hard" else None

    def item(self, kind: TaskKind, name: str, media: Media, item_id: str, seconds: float) -> Item:
        """Return the question about a picture (with silence) or a sound (with black frames).

        Args:
            kind: `visual` or `audio`.
            name: its class, as the data name it.
            media: the picture or the sound.
            item_id: unique.
            seconds: length to play.
        """
        answer = self._shown[name]
        generator = random.Random(f"{self._protocol.seed}/options/{item_id}")  # noqa: S311
        options = draw_options(answer, self._classes, self._protocol.options, generator, self._similar)
        wording = self._protocol.wording[kind]
        is_seen = kind is TaskKind.VISUAL
        return Item(
            item_id=item_id,
            cluster=item_id,
            kind=kind,
            parts=prompt_of(wording, options),
            options=options,
            answer=answer,
            lettered=wording.lettered,
            picture=media if is_seen else pictures.plain(0),
            sound=sounds.silence() if is_seen else media,
            seconds=seconds,
            irrelevant=frozenset({"text", "sound"} if is_seen else {"text", "picture"}),
            misleading=wording.misleading,
            labels=frozenset({answer}),
            clean=frozenset({"silence"} if is_seen else {"black"}),
        )

    def shown(self, name: str) -> str:
        """Return what prompts call a class."""
        return self._shown[name]
