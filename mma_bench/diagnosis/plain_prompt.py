"""Stimuli and questions for a checkpoint that runs through its own processor.

A question continues on the pass over the media that all questions about a stimulus share, so only families whose cache
can be copied can be diagnosed, and only if each layer's attention can be read.
"""

import functools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING

import numpy as np

from mma_bench.dataset.load import Sample
from mma_bench.diagnosis.hidden_states import Watch, watched
from mma_bench.diagnosis.plain_map import map_plain
from mma_bench.diagnosis.reading import Intervention, Prompt, Reading, changing, rows_at_once, summed
from mma_bench.diagnosis.subject import Subject
from mma_bench.diagnosis.token_map import TokenMap
from mma_bench.errors import MMABenchError
from mma_bench.models.omni.attention import Hook, hooked
from mma_bench.models.plain.engine import PlainEngine
from mma_bench.models.plain.inputs import Media
from mma_bench.models.plain.shared import CALL_ERRORS, SharedPass
from mma_bench.schema import Question

if TYPE_CHECKING:
    import torch

_TOLERANCE = 1e-2
"""Of logits, which are the same function of the same numbers; in bfloat16 they differ by rounding."""


class PlainPrompt(Prompt):
    """A question about media that were read.

    Args:
        engine: the model.
        media: what is shown.
        shared: the pass over the media.
        number: of the question among those of the pass.
        question: what is asked.
    """

    def __init__(self, engine: PlainEngine, media: Media, shared: SharedPass, number: int, question: Question) -> None:
        self._whole: list[int] = shared.ids[number][0].tolist()
        super().__init__(engine.family, question, self._whole[shared.length :], shared.length)
        self.engine = engine
        self._media = media
        self._shared = shared

    @functools.cached_property
    def _mapped(self) -> tuple[TokenMap, list[str | None]]:
        return map_plain(self.engine, self._media, self._whole, self.before, self.question)

    @property
    def map(self) -> TokenMap:
        """What each token is."""
        return self._mapped[0]

    @property
    def texts(self) -> list[str | None]:
        """The characters of the prompt that each token covers; none for tokens that are not of the prompt."""
        return self._mapped[1]

    def tokens(self, label: str) -> list[int]:
        """Return the tokens of a label as the beginning of an answer."""
        return self.engine.prompts.option(label)

    def lens(self, hidden: "torch.Tensor") -> "torch.Tensor":
        """Return the logits that hidden states after any layer would give after the last: float32."""
        return self.engine.family.lens(hidden)

    def read_media(self, watch: Watch) -> None:
        """Run everything before the question again, and let ``watch`` see the hidden states after every layer."""
        import torch

        with torch.inference_mode(), self.watching(watch):
            self._shared.read_media(whole=True)

    def watching(self, watch: Watch) -> AbstractContextManager[None]:
        """Let ``watch`` see the hidden states after every layer while the block runs; it cannot replace them."""
        return _watched(self.engine, watch)

    def look(self, hook: Hook) -> None:
        """Run the question once, and let ``hook`` see its attention."""
        import torch

        with torch.inference_mode(), hooked(self.model, hook):
            for _ in self._run([self.ids]):
                pass

    def read(
        self, labels: Sequence[str], interventions: Sequence[Intervention | None], watch: Watch | None = None
    ) -> list[Reading]:
        """Return what the model makes of the question under each intervention; everything runs for each."""
        tokens = [self.tokens(label) for label in labels]
        at_once = max(1, rows_at_once(self.before + len(self.ids)) // len(labels))
        found: list[Reading] = []
        for start in range(0, len(interventions), at_once):
            found += self._read(tokens, interventions[start : start + at_once], watch)
        return found

    def _read(
        self, labels: Sequence[Sequence[int]], interventions: Sequence[Intervention | None], watch: Watch | None
    ) -> list[Reading]:
        import torch

        rows = [[*self.ids, *label[:-1]] for _ in interventions for label in labels]

        with torch.inference_mode(), ExitStack() as stack:
            if any(interventions):
                stack.enter_context(hooked(self.model, changing(interventions)))
            if watch is not None:
                stack.enter_context(self.watching(watch))
            logits = self._run(rows)
            found = []
            for _ in interventions:
                scores = []
                for place, (label, after) in enumerate(zip(labels, logits, strict=False)):
                    if not place:
                        first = int(after[0].argmax())
                    scores.append(summed(after[: len(label)], label))
                found.append(Reading(np.array(scores), first))
        return found

    def _run(self, rows: Sequence[Sequence[int]]) -> "Iterator[torch.Tensor]":
        """Run rows of token ids after the media, and yield for each the logits from the answering position on."""
        width = max(len(row) for row in rows)
        padded = [[*row, *[row[-1]] * (width - len(row))] for row in rows]
        yield from self._shared.rows(padded, self.answering)


class PlainSubject(Subject):
    """A stimulus that a checkpoint's own processor prepares.

    Args:
        engine: the model.
        sample: see `Subject`.
        partners: see `Subject`.
        seed: see `Subject`.
    """

    def __init__(self, engine: PlainEngine, sample: Sample, partners: Mapping[str, Sample], seed: int) -> None:
        super().__init__(sample, partners, seed)
        self.engine = engine
        self.layers, self.heads = shape_of(engine)

    @functools.cached_property
    def media(self) -> Media:
        """What is shown, decoded."""
        from mma_bench.models.omni.model import streams_of

        return self.engine.prompts.media(*streams_of(self.sample))

    @functools.cached_property
    def shared(self) -> SharedPass:
        """The pass over the media.

        Raises:
            MMABenchError: these questions cannot share one.
        """
        import torch

        media, prompts = self.media, self.engine.prompts
        self.engine.family.prepare(video=media.frames is not None, audio=media.samples is not None)
        first, *others = (prompts.inputs(media, question.prompt) for question in self.sample.questions)
        with torch.inference_mode():
            shared = SharedPass.begin(self.engine, first, [one["input_ids"] for one in others])
        if shared is None:
            raise MMABenchError(
                f"{self.sample.stimulus.key}: these questions cannot share one pass over the media, because "
                f"{type(self.engine.family.model).__name__} reads them in different ways; a diagnosis needs that"
            )
        return shared

    def prompt(self, question: Question) -> Prompt:
        """Return a question of the stimulus, ready to run."""
        number = [one.question_id for one in self.sample.questions].index(question.question_id)
        return PlainPrompt(self.engine, self.media, self.shared, number, question)

    def other(self, sample: Sample) -> Subject:
        """Return another stimulus for the same model."""
        return PlainSubject(self.engine, sample, {}, self.seed)


def shape_of(engine: PlainEngine) -> tuple[int, int]:
    """Return the number of layers of the language model, and of the attention heads of each."""
    family = engine.family
    return len(family.layers), int(family.text_config.num_attention_heads)


def require_readable(engine: PlainEngine) -> None:
    """Check that the parts of a diagnosis can read the model: its cache, its attention, and its hidden states.

    Raises:
        MMABenchError: they cannot.
    """
    import torch

    family, name = engine.family, type(engine.family.model).__name__
    if not family.shares_media:
        raise MMABenchError(
            f"not for this family: a diagnosis continues on a copy of what {name} has read of the media, and it is not "
            "known whether its cache can be copied; a package can say so, see docs/extending.md"
        )
    try:
        with torch.inference_mode(), hooked(family, lambda attention, output: output):
            gap = _gap(engine)
    except MMABenchError as error:
        raise MMABenchError(f"not for this family: {name}: {error}") from error
    except CALL_ERRORS as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise MMABenchError(
            f"not for this family: the layers of {name} cannot be reached as those of other models of transformers "
            f"({reason})"
        ) from error
    if gap > _TOLERANCE:
        raise MMABenchError(
            f"not for this family: what {name} writes does not follow from its last layer as in other models of "
            f"transformers (logits differ by {gap:.2g}), so the layers before cannot be read either"
        )


def _gap(engine: PlainEngine) -> float:
    """Return how far the logits that follow from the last layer are from the model's, relative to the largest."""
    import torch

    family, last = engine.family, len(engine.family.layers) - 1
    found: list[torch.Tensor] = []

    def keep(layer: int, hidden: torch.Tensor) -> None:
        if layer == last:
            found.append(family.lens(hidden))

    device = family.model.get_input_embeddings().weight.device
    ids = torch.tensor([engine.prompts.option("What is seen, and what is heard?")], device=device)
    with _watched(engine, keep):
        logits = family.model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits.float()
    return float((found[0].to(logits.device) - logits).abs().max() / logits.abs().max())


def _watched(engine: PlainEngine, watch: Watch) -> AbstractContextManager[None]:
    def look(layer: int, hidden: "torch.Tensor") -> None:
        watch(layer, engine.family.stream(hidden))

    return watched(engine.family, look)
