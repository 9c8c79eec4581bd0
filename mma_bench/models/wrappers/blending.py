"""Wrappers that add up the logits of several branches of a transformers model, token by token."""

import time
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import cast

from mma_bench.dataset.load import Sample
from mma_bench.models.checks import Check, CheckAnswer
from mma_bench.models.interface import Answer
from mma_bench.models.omni.answering import Asked
from mma_bench.models.omni.branches import Branch, Branches, Mixture
from mma_bench.models.omni.model import TransformersOmni, streams_of
from mma_bench.models.wrappers.wrapper import Wrapper
from mma_bench.schema import Question

PLAIN = Mixture({Branch.BOTH: 1.0})
"""The model as it is."""


class Blending(Wrapper):
    """A wrapper that decodes from a mixture of branches.

    Options are not scored: the likelihood of an option under the mixture is not the model's own confidence.
    """

    needs_logits = True

    @abstractmethod
    def mixtures(self, branches: Branches, questions: Sequence[Question]) -> list[tuple[Mixture, int]]:
        """Return for each question its mixture, and the tokens that were read to find it."""

    def answer_all(self, samples: Sequence[Sample]) -> Iterator[tuple[Sample, list[Answer]]]:
        """Answer stimuli with the same video consecutively, so that it is encoded once for all conditions."""
        for sample in sorted(samples, key=lambda sample: sample.streams):
            began = time.perf_counter()
            answers = self._answer(sample)
            share = (time.perf_counter() - began) / max(1, len(answers))
            yield sample, [replace(answer, seconds=share) for answer in answers]

    def check_all(
        self, requests: Sequence[tuple[Sample, Sequence[Check]]]
    ) -> Iterator[tuple[Sample, list[CheckAnswer]]]:
        """Answer the checks of each stimulus."""
        for sample, checks in requests:
            yield from super().check_all([(sample, checks)])

    def _answer(self, sample: Sample) -> list[Answer]:
        model = cast("TransformersOmni", self.model)
        questions = sample.questions
        with model.enough_memory():
            branches = Branches(model.engine, *streams_of(sample))
            found = self.mixtures(branches, questions)
            asked = [Asked(question.prompt, question.options) for question in questions]
            replies = branches.answer(asked, [mixture for mixture, _ in found])
        answers = model.answers(questions, replies)
        return [
            replace(answer, input_tokens=(answer.input_tokens or 0) + read)
            for answer, (_, read) in zip(answers, found, strict=True)
        ]
