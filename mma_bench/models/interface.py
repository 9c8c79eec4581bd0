"""What a model is to the evaluator: something that answers the questions about a stimulus in words."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from mma_bench.models.answers import Answer
from mma_bench.models.checks import NO, YES, Check, CheckAnswer, yes_probability
from mma_bench.models.own import DefaultName, default_fingerprint, timed_answers
from mma_bench.schema import Question

if TYPE_CHECKING:
    from mma_bench.loader import Sample

__all__ = ["Answer", "Model"]


class Model(ABC):
    """A model under test. A subclass needs one method, `answer`.

    Attributes:
        name: how runs and reports call it; by default the qualified name of the class.
        takes_media: whether it answers from the streams themselves. Rules that read labels do not, and there is
            nothing to probe.
        writes: whether it writes words of its own. Those that only choose among options are not asked for captions.
        asks_one_by_one: whether each question is a request by itself, as at a server; else a stimulus is, with all of
            its questions.
        runs_here: whether it runs in this process, whose peak memory then is the model's.
        retries: number of requests repeated so far, for models behind a server.
    """

    name: str = cast("str", DefaultName())
    takes_media: bool = True
    writes: bool = True
    asks_one_by_one: bool = False
    runs_here: bool = True
    retries: int | None = None

    @property
    def draws(self) -> bool:
        """Whether the same question can get another answer when it is asked again, because answers are sampled."""
        return False

    def begin_repeat(self, repeat: int) -> None:
        """Get ready to answer the questions once more, with other draws; the first time is repeat 0."""
        return

    def fingerprint(self) -> dict[str, str]:
        """Return everything that decides an answer: weights' hashes, versions, settings, seed.

        The default covers the source of the class and the simple public attributes of the object, see
        `mma_bench.models.own.default_fingerprint`. Override it where weights or other files decide the answers.
        """
        return default_fingerprint(self)

    def prepare(self, questions: "Sequence[Question]") -> None:
        """Look at all questions before the first is asked. Only baselines need to."""
        return

    @abstractmethod
    def answer(self, sample: "Sample") -> Sequence[str | Answer]:
        """Answer every question of ``sample``, in its order, each as a string or an `Answer`."""

    def answer_all(self, samples: "Sequence[Sample]") -> "Iterator[tuple[Sample, list[Answer]]]":
        """Answer ``samples`` and yield each with its answers as soon as they are there, in any order.

        Models that take several stimuli at a time, in a batch or as requests to a server, override this.
        """
        for sample in samples:
            yield sample, timed_answers(sample, self.answer, self.name)

    def stop_soon(self) -> bool:
        """End the pass of `answer_all` that is running, with the answers that are under way.

        Called from a signal handler, so it must be brief and safe at any moment.

        Returns:
            Whether the pass ends by itself soon; if not, it is interrupted.
        """
        return False

    def check(self, sample: "Sample", checks: Sequence[Check]) -> list[CheckAnswer]:
        """Answer yes/no questions about one stimulus; see `check_all`."""
        return next(answers for _, answers in self.check_all([(sample, checks)]))

    def check_all(
        self, requests: "Sequence[tuple[Sample, Sequence[Check]]]"
    ) -> "Iterator[tuple[Sample, list[CheckAnswer]]]":
        """Answer the checks of each stimulus and yield them, in the order of its checks, in any order of stimuli.

        A check is asked as a question with the options Yes and No, so whatever `answer_all` shares or batches is
        shared and batched here. Models that cannot understand a yes/no question override this.

        Args:
            requests: stimuli, each with a key of its own, and their checks. The stimuli's own questions are not
                asked.

        Yields:
            A stimulus and its answers. Checks that a server answered before it failed or was interrupted come alone:
            fewer answers than checks, and then its error.
        """
        asked = {sample.stimulus.key: (sample, checks) for sample, checks in requests}
        for questioned, answers in self.answer_all([_with_checks(*request) for request in requests]):
            sample, checks = asked[questioned.stimulus.key]
            by_id = {answer.question_id: answer for answer in answers}
            found = ((check, by_id.get(_question_id(sample, check))) for check in checks)
            yield (
                sample,
                [
                    CheckAnswer(
                        check.name,
                        answer.text,
                        yes_probability(answer.option_scores),
                        answer.finish_reason,
                        answer.reasoning,
                    )
                    for check, answer in found
                    if answer
                ],
            )


def _with_checks(sample: "Sample", checks: Sequence[Check]) -> "Sample":
    questions = [
        Question(
            question_id=_question_id(sample, check),
            condition=sample.stimulus.condition,
            modality=check.modality,
            prompt=check.prompt,
            options=[YES, NO],
            answer=YES,
            distractor=None,
            answerable=True,
        )
        for check in checks
    ]
    return replace(sample, questions=questions, stimulus=sample.stimulus.model_copy(update={"questions": questions}))


def _question_id(sample: "Sample", check: Check) -> str:
    return f"{sample.stimulus.key}/{check.name}/{check.modality}"
