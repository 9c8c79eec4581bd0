"""A question about streams that our own code encodes: prompts of the Qwen Omni families."""

import functools
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING

from mma_bench.diagnosis.hidden_states import Watch, watched
from mma_bench.diagnosis.label_rows import LabelRows
from mma_bench.diagnosis.reading import Intervention, Prompt, Reading, changing, rows_at_once
from mma_bench.diagnosis.token_map import TokenMap, map_tokens, texts_of
from mma_bench.diagnosis.unchanged import Start, Tokens, Unchanged
from mma_bench.models.omni.answering import Prefix
from mma_bench.models.omni.attention import Hook, hooked
from mma_bench.schema import Question

if TYPE_CHECKING:
    import torch

    from mma_bench.models.omni.encode_once import EncodeOnce, MediaInputs

_LARGEST_MASK = 2**25
"""Numbers in a mask: 128 MB in float32."""


class OmniPrompt(Prompt):
    """A question about encoded streams.

    Args:
        engine: the model.
        inputs: the encoded streams.
        prefix: keys and values of everything before the question.
        question: what is asked.
    """

    def __init__(self, engine: "EncodeOnce", inputs: "MediaInputs", prefix: Prefix, question: Question) -> None:
        super().__init__(engine.thinker, question, engine.chat.question(question.prompt), prefix.length)
        self.engine = engine
        self.inputs = inputs
        self.prefix = prefix

    @functools.cached_property
    def map(self) -> TokenMap:
        """What each token is."""
        return map_tokens(self.engine, self.inputs.grid, self.inputs.frames, self.question, self.question.answer)

    @property
    def texts(self) -> list[str | None]:
        """The characters of the prompt that each token covers; none for tokens that are not of the prompt."""
        prompt = self.question.prompt
        return texts_of(prompt, self.map.length, self.map.media_end, self.engine.chat.offsets(prompt))

    def tokens(self, label: str) -> list[int]:
        """Return the tokens of a label as the beginning of an answer."""
        return self.engine.chat.text(label)

    def lens(self, hidden: "torch.Tensor") -> "torch.Tensor":
        """Return the logits that hidden states after any layer would give after the last: float32."""
        return self.engine.thinker.logits(self.engine.thinker.normalise(hidden))

    def read_media(self, watch: Watch) -> None:
        """Run everything before the question again, and let ``watch`` see the hidden states after every layer."""
        import torch

        with torch.inference_mode(), self.watching(watch):
            self.engine.run(self.inputs)

    def watching(self, watch: Watch) -> AbstractContextManager[None]:
        """Let ``watch`` see, or replace, the hidden states after every layer while the block runs."""
        return watched(self.engine.thinker, watch)

    def look(self, hook: Hook) -> None:
        """Run the question once, and let ``hook`` see its attention."""
        with hooked(self.engine.thinker, hook):
            self.run()

    def run(self) -> "torch.Tensor":
        """Run the question once, and return its last hidden states: shape [1, tokens, hidden size]."""
        import torch

        with torch.inference_mode():
            return self._unchanged(self._rows([], together=True), ()).run()

    def read(
        self, labels: Sequence[str], interventions: Sequence[Intervention | None], watch: Watch | None = None
    ) -> list[Reading]:
        """Return what the model makes of the question under each intervention (none: as it is).

        An intervention with a `start` runs from that layer and token on; everything before it is as in the run without
        intervention, and is taken from there.

        Args:
            labels: texts to score, each run as the beginning of the answer.
            interventions: the changes.
            watch: sees the hidden states after every layer, of a batch in which each intervention has one row for each
                label, in order; see `label_places`. Then, everything runs from the first layer on.
        """
        import torch

        rows = self._rows(labels, together=watch is None)
        groups: dict[Start | None, list[int]] = {}
        for number, one in enumerate(interventions):
            groups.setdefault(Start() if watch else start_of(one, self.answering), []).append(number)
        at_once = max(1, rows_at_once(self.prefix.length + len(self.ids)) // len(rows.rows))
        found: dict[int, Reading] = {}
        with torch.inference_mode():
            unchanged = self._unchanged(rows, [start.layer - 1 for start in groups if start])
            if groups.keys() - {Start()}:
                unchanged.run()
            for start, members in groups.items():
                if start is None:
                    (reading,) = self._readings(rows, unchanged.run(), 0)
                    found.update(dict.fromkeys(members, reading))
                    continue
                for first in range(0, len(members), at_once):
                    batch = members[first : first + at_once]
                    hidden = self._changed(unchanged, start, [interventions[number] for number in batch], watch)
                    found.update(zip(batch, self._readings(rows, hidden, start.token), strict=True))
        return [found[number] for number in range(len(interventions))]

    def _readings(self, rows: LabelRows, hidden: "torch.Tensor", first: int) -> list[Reading]:
        """Return what comes out of last hidden states of the token ``first`` on."""
        scores, tokens = rows.scores(self.engine.thinker, hidden[:, self.answering - first :])
        return [Reading(own, int(token)) for own, token in zip(scores, tokens, strict=True)]

    def _changed(
        self,
        unchanged: Unchanged,
        start: Start,
        interventions: Sequence[Intervention | None],
        watch: Watch | None,
    ) -> "torch.Tensor":
        """Return the last hidden states under each intervention, from ``start`` on."""
        with ExitStack() as stack:
            if any(interventions):
                stack.enter_context(hooked(self.engine.thinker, changing(interventions)))
            if watch is not None:
                stack.enter_context(self.watching(watch))
            return unchanged.changed(start, len(interventions))

    def _rows(self, labels: Sequence[str], *, together: bool) -> LabelRows:
        ids = [self.engine.chat.text(label) for label in labels]
        return label_rows(self.engine, ids, len(self.ids), self.prefix.length, together=together)

    def _unchanged(self, rows: LabelRows, after: Collection[int]) -> Unchanged:
        """Return the question and the labels, to be run after the media."""
        import torch

        thinker, prompt = self.engine.thinker, len(self.ids)
        ids = torch.tensor([[*self.ids, *row] for row in rows.rows], device=thinker.device)
        positions = self.prefix.next_position + rows.positions(prompt).to(thinker.device)
        mask = rows.mask(prompt, self.prefix.length, thinker.model.dtype)
        tokens = Tokens(
            thinker.embed(ids),
            positions.expand(3, len(ids), -1),
            None if mask is None else mask.to(thinker.device),
        )
        return Unchanged(self.engine, tokens, self.prefix.cache, after)


def start_of(intervention: Intervention | None, answering: int) -> Start | None:
    """Return where an intervention first changes something: at the first layer and token, unless it says so.

    Args:
        intervention: the change, or none.
        answering: number of the token that predicts the answer; it runs in any case.
    """
    if intervention is None:
        return None
    start = getattr(intervention, "start", None)
    return Start(start.layer, min(start.token, answering)) if isinstance(start, Start) else Start()


def label_rows(
    engine: "EncodeOnce", labels: Sequence[Sequence[int]], prompt: int, before: int, *, together: bool = True
) -> LabelRows:
    """Return labels after a prompt, together if no mask is needed, or the kernel takes any and it is not too large.

    Args:
        engine: the model.
        labels: tokens of each label.
        prompt: number of tokens that run before them.
        before: number of tokens that are read already.
        together: whether they may share a row.
    """
    new = prompt + sum(map(len, labels))
    any_mask = engine.answering.packs and new * (before + new) <= _LARGEST_MASK
    causal = sum(len(ids) > 1 for ids in labels) <= 1  # nothing needs a mask
    return LabelRows(labels, together=together and (any_mask or causal), padding=engine.chat.end_id)
