"""The interface between a model and the evaluator: a model answers the questions about a stimulus in words."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from mma_bench.errors import MMABenchError
from mma_bench.files.hashing import sha256_json
from mma_bench.models.answers import Answer
from mma_bench.models.checks import NO, YES, Check, CheckAnswer, yes_probability
from mma_bench.models.own import DefaultName, construct, default_fingerprint, place_of, timed_answers
from mma_bench.registry import one_line
from mma_bench.schema import Modality, Question

if TYPE_CHECKING:
    from mma_bench.dataset.load import Sample

__all__ = ["Answer", "Model"]


class Model(ABC):
    """A model under test. A subclass needs one method, `answer`.

    Attributes:
        name: its name in runs and reports; by default the qualified name of the class.
        takes_media: whether it answers from the streams. Rules that read labels do not, so there is nothing to probe.
        writes: whether it writes free text. Models that only choose among options are not asked for captions.
        asks_one_by_one: whether each question is a separate request, as with a server; otherwise a stimulus is one
            request with all of its questions.
        runs_here: whether it runs in this process, so that the peak memory of the process is the model's.
        is_baseline: whether it is a rule that reads labels instead of a model under test. Reports separate the two.
        uses_gpu: whether its weights are loaded into this process, on a GPU if there is one. The builder then starts
            one process per GPU.
        runs_in_parallel: whether several processes may load one each, because it is small and runs on the CPU.
        sorts_by_streams: whether `answer_all` takes the stimuli in the order of `Sample.streams`, so that those with
            the same video follow each other. Runs record it: merged shards are put in the order of one process.
        looks_ahead: whether its answers depend on all questions of a run, see `prepare`. Then a run of some of them
            cannot be continued with more.
        protocol_settings: which of the options `fps` (frames per second) and `temperature` it takes; a protocol sets
            those that the user does not.
        judge_settings: options with which it answers from text alone, so that it can judge; None if it cannot.
        retries: number of retried requests so far, for models behind a server.
        requests: number of requests so far, retried ones included, for models behind a server.
        sent_bytes: bytes of these requests.
    """

    name: str = cast("str", DefaultName())
    takes_media: bool = True
    writes: bool = True
    asks_one_by_one: bool = False
    runs_here: bool = True
    is_baseline: bool = False
    uses_gpu: bool = False
    runs_in_parallel: bool = False
    sorts_by_streams: bool = False
    looks_ahead: bool = False
    protocol_settings: tuple[str, ...] = ()
    judge_settings: Mapping[str, str] | None = None
    retries: int | None = None
    requests: int | None = None
    sent_bytes: int | None = None

    @classmethod
    def preview(cls, rest: str, options: Mapping[str, str]) -> str:
        """Return what is known of a model before it is used, in a few words; a dry run calls it. No request is made.

        Args:
            rest: the name without the family and the colon.
            options: settings by name, as text.

        Raises:
            MMABenchError: the model cannot be used.
        """
        cls.make(rest, options)
        return "packages and options are valid"

    @classmethod
    def make(cls, rest: str, options: Mapping[str, str]) -> "Model":
        """Return a model of this class from the part of its name after the family.

        Args:
            rest: the name without the family and the colon.
            options: settings by name, as text; here the keyword arguments of the class.

        Raises:
            MMABenchError: the name or an option is invalid, or something that the model needs is missing.
        """
        if rest:
            raise MMABenchError(f"{cls.__qualname__} takes no name, got {rest!r}; remove the colon and the name")
        return construct(cls, options)

    @classmethod
    def settings_of_protocol(cls, options: Mapping[str, str]) -> Collection[str]:
        """Return which of `fps` and `temperature` it takes, given the other ``options``."""
        return cls.protocol_settings

    @classmethod
    def takes_gpu(cls, options: Mapping[str, str]) -> bool:
        """Return whether it is loaded onto a GPU if there is one, given its ``options``."""
        return cls.uses_gpu

    @property
    def modalities(self) -> Collection[Modality]:
        """What of a stimulus the model is given; a run records the rest, and `mma-bench interference` leaves it out."""
        return tuple(Modality)

    @property
    def draws(self) -> bool:
        """Whether the same question can get a different answer when asked again, because answers are sampled."""
        return False

    def begin_repeat(self, repeat: int) -> None:
        """Prepare to answer the questions again with different samples; the first time is repeat 0."""
        return

    def fingerprint(self) -> dict[str, str]:
        """Return everything that determines an answer: hashes of weights, versions, settings, seed.

        The default covers the source of the class and the simple public attributes of the object, see
        `mma_bench.models.own.default_fingerprint`. Override it if weights or other files determine the answers.
        """
        return default_fingerprint(self)

    def fingerprint_for(self, questions: "Iterable[Question]") -> dict[str, str]:
        """Return `fingerprint`, with a hash of all questions of the run if the answers depend on them."""
        found = self.fingerprint()
        if not self.looks_ahead:
            return found
        return {**found, "questions of the run": sha256_json([[one.question_id, one.answer] for one in questions])}

    def prepare(self, questions: "Sequence[Question]") -> None:
        """Inspect all questions before the first is asked. Only baselines need this."""
        return

    @abstractmethod
    def answer(self, sample: "Sample") -> Sequence[str | Answer]:
        """Answer every question of ``sample``, in order, each as a string or an `Answer`."""

    def answer_all(self, samples: "Sequence[Sample]") -> "Iterator[tuple[Sample, list[Answer]]]":
        """Answer ``samples`` and yield each with its answers as soon as they are available, in any order.

        Models that take several stimuli at a time, in a batch or as requests to a server, override this.
        """
        for sample in samples:
            yield sample, timed_answers(sample, self._guarded, self.name)

    def _guarded(self, sample: "Sample") -> Sequence[str | Answer]:
        """Answer, and report an error in a user's code in one line."""
        try:
            return self.answer(sample)
        except MMABenchError:
            raise
        except Exception as error:
            if type(self).__module__.partition(".")[0] == "mma_bench":
                raise
            where = f"{self.name}.answer({sample.stimulus.key})"
            raise MMABenchError(f"{where} failed: {one_line(error)}{place_of(error, type(self))}") from error

    def stop_soon(self) -> bool:
        """End the running pass of `answer_all`, after the answers in flight.

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

        A check is asked as a question with the options Yes and No, so sharing and batching in `answer_all` also apply
        here. Models that cannot understand a yes/no question override this.

        Args:
            requests: stimuli, each with a unique key, and their checks. The stimuli's own questions are not asked.

        Yields:
            A stimulus and its answers. If a server fails or is interrupted, the checks that it answered are yielded
            (fewer answers than checks) before its error is raised.
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
                        answer.input_tokens,
                        answer.output_tokens,
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
    return replace(sample, questions=questions, stimulus=sample.stimulus.changed(questions=questions))


def _question_id(sample: "Sample", check: Check) -> str:
    return f"{sample.stimulus.key}/{check.name}/{check.modality}"
