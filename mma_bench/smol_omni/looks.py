"""Measurements along the training: what the model can do, whom it believes, and what is left of its language.

Answers are compared token by token: a class counts as said if greedy decoding would say it, which one pass shows.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mma_bench.models.omni.chat import Chat
from mma_bench.questions import prompts
from mma_bench.schema import Modality
from mma_bench.smol_omni.batch import Batches, Shown
from mma_bench.smol_omni.clips import ClipId
from mma_bench.smol_omni.features import Features
from mma_bench.smol_omni.knowledge import Knowledge, are_right, perplexity, read_passages, reference
from mma_bench.tuning.answers import AnswerLogits

OPTIONS = 8
"""Options of a question: the answer, the distractor if there is one, and others."""

_AT_ONCE = 32


@dataclass(frozen=True)
class Case:
    """A question about chosen streams, and what would be said by whom.

    Attributes:
        modality: what is asked about.
        answer: class of the asked modality.
        distractor: class that the other modality or a caption suggests, or none.
        shown: the streams and the prompt; its target is the answer.
    """

    modality: Modality
    answer: str
    distractor: str | None
    shown: Shown


class Looks:
    """Measures a model on clips that it was never trained on.

    Args:
        batches: the model.
        chat: turns text into tokens.
        features: of the clips.
        clips: which to ask about, cycling through the classes.
        classes: all class names.
        knowledge: ordinary questions that are not trained.
    """

    def __init__(
        self,
        batches: Batches,
        chat: Chat,
        features: Features,
        clips: Sequence[ClipId],
        classes: Sequence[str],
        knowledge: Sequence[Knowledge],
    ) -> None:
        self._batches = batches
        self._chat = chat
        self._features = features
        self._clips = clips
        self._classes = classes
        self._knowledge = knowledge

    def competence(self) -> dict[str, float]:
        """Return the accuracy from each modality alone, and from both."""
        found = {}
        for modality in Modality:
            found[f"{modality} alone"] = self._shares(list(self._cases(modality, "alone")))[0]
            found[f"aligned, {modality}"] = self._shares(list(self._cases(modality, "aligned")))[0]
        return found

    def bias(self) -> dict[str, float]:
        """Return what happens under conflict: right answers, and the other modality's or the caption's class."""
        found = {}
        for condition, follows in (("misaligned", "names the other"), ("caption", "follows it")):
            for modality in Modality:
                right, misled = self._shares(list(self._cases(modality, condition)))
                found[f"{condition}, {modality}"] = right
                found[f"{condition}, {modality}: {follows}"] = misled
        return found

    def language(self) -> dict[str, float]:
        """Return the perplexity of prose and the accuracy on ordinary questions."""
        prose = perplexity(read_passages(self._batches.thinker, self._chat, reference()))
        right = are_right(self._knowledge, self._texts)
        return {"perplexity": prose, "knowledge": round(sum(right) / len(right), 4)}

    def _texts(self, pairs: list[tuple[str, str]]) -> AnswerLogits:
        return self._batches.answers([Shown(None, None, prompt, target) for prompt, target in pairs])

    def _cases(self, modality: Modality, condition: str) -> Iterator[Case]:
        """Yield a question per clip under a condition."""
        visual = modality is Modality.VISUAL
        for number, clip in enumerate(self._clips):
            generator = random.Random(f"look/{clip}")  # noqa: S311
            name = clip[0]
            # Half the classes further: the partner is of another class, and each class is a partner as often.
            other = self._clips[(number + 1 + len(self._classes) // 2) % len(self._clips)]
            own, lent = (clip, other) if visual else (other, clip)
            video, audio = self._features.videos[clip], self._features.audios[clip]
            parts = prompts.standard(modality)
            distractor: str | None = None
            if condition == "alone":
                video = video if visual else self._features.black
                audio = self._features.silence if visual else audio
            elif condition == "misaligned":
                video, audio = self._features.videos[own], self._features.audios[lent]
                distractor = other[0]
            elif condition == "caption":
                distractor = other[0]
                parts = prompts.captioned(parts, distractor)
            known = [name] if distractor is None else [name, distractor]
            others = [some for some in self._classes if some not in known]
            rest = generator.sample(others, min(OPTIONS - len(known), len(others)))
            options = generator.sample([*known, *rest], len(known) + len(rest))
            yield Case(modality, name, distractor, Shown(video, audio, prompts.render(parts, options), name))

    def _shares(self, cases: Sequence[Case]) -> tuple[float, float]:
        """Return in which shares of the cases greedy decoding says the answer, and the distractor.

        The distractor needs its own pass only where its first token is what would be said.
        """
        import torch

        right, open_cases = 0, []
        with torch.no_grad():
            for part in _parts(cases):
                found = self._batches.answers([case.shown for case in part])
                firsts = found.logits[torch.searchsorted(found.row, torch.arange(found.rows, device=found.row.device))]
                for case, hit, token in zip(part, said(found).tolist(), firsts.argmax(dim=-1).tolist(), strict=True):
                    right += hit
                    if case.distractor is not None and token == self._chat.text(case.distractor)[0] and not hit:
                        open_cases.append(replace(case.shown, target=case.distractor))
            misled = sum(int(said(self._batches.answers(part)).sum()) for part in _parts(open_cases))
        return round(right / len(cases), 4), round(misled / len(cases), 4)


def _parts(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), _AT_ONCE):
        yield items[start : start + _AT_ONCE]


def said(answers: AnswerLogits) -> Any:
    """Return for each row whether every token of its target, with the end, is the likeliest: bool [rows]."""
    hits = (answers.logits.argmax(dim=-1) == answers.targets).float()
    return answers.row_means(hits) > 1 - 1e-6
