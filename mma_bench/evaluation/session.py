"""What one process asks: a model, the questions that are still open, and the loop that asks them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mma_bench import __version__
from mma_bench.console.interruption import Interruption
from mma_bench.console.progress import activity, say
from mma_bench.dataset.load import Benchmark, Sample, load
from mma_bench.errors import MMABenchError
from mma_bench.evaluation.outlook import Workload
from mma_bench.evaluation.protocols import NearSynonyms, Protocol, apply_protocol, model_options, near_synonyms_of
from mma_bench.evaluation.shards.shard import Shard, clip_of
from mma_bench.evaluation.store import BASELINE_PREFIX, AnswerKeys, AnswerStore, Run, StoredAnswer
from mma_bench.models import load as load_model
from mma_bench.models.interface import Answer, Model
from mma_bench.models.own import as_answers
from mma_bench.probe import Probe, checked_reach
from mma_bench.schema import Modality


@dataclass(frozen=True)
class Request:
    """What is to be asked of whom; see `mma_bench.evaluation.evaluate` for the fields.

    Attributes:
        protocol: the protocol itself, so that its file is read once.
        shard: the share of the stimuli to ask, or none for all.
    """

    model: str | Model
    data: str | Path
    run: Path
    options: Mapping[str, str]
    condition: str | Sequence[str] | None
    split: str
    limit: int | None
    overwrite: bool
    protocol: Protocol
    repeats: int
    probe: bool
    progress: bool
    shard: Shard | None


@dataclass(frozen=True)
class Questions:
    """All questions of a run, of all shards.

    Attributes:
        benchmark: what is asked, by the protocol.
        near_synonyms: what was done about lies that are near-synonyms, if the protocol excludes them.
    """

    benchmark: Benchmark
    near_synonyms: NearSynonyms | None

    @classmethod
    def of(cls, request: Request) -> "Questions":
        """Read them.

        Raises:
            MMABenchError: the data or the protocol cannot be used.
        """
        fixed = request.protocol
        with activity(f"reading {request.data}", show=request.progress):
            stored = load(request.data, condition=request.condition, split=request.split, limit=request.limit)
        benchmark = apply_protocol(fixed, stored)
        silent = _conditions_of(stored) - _conditions_of(benchmark)
        if left_out := [name for name in _named(request.condition) if name in silent]:
            say(
                f"note: the protocol {fixed.name} asks nothing about {', '.join(left_out)}; `--protocol robust` asks "
                "about all conditions",
                show=request.progress,
            )
        return cls(benchmark, near_synonyms_of(fixed, stored) if fixed.exclude_near_synonyms else None)


def _conditions_of(benchmark: Benchmark) -> set[str]:
    return {question.condition for sample in benchmark.samples for question in sample.questions}


def _named(condition: str | Sequence[str] | None) -> Sequence[str]:
    return [condition] if isinstance(condition, str) else condition or []


@dataclass(frozen=True)
class Session:
    """A model and what it has to answer now.

    Attributes:
        model: who is asked.
        head: what the run says of itself.
        benchmark: all questions of the run, of all shards.
        keys: names the answers.
        samples: the stimuli of this shard, with all of their questions.
        rounds: for each repeat, the stimuli with questions that are still open.
    """

    model: Model
    head: Run
    benchmark: Benchmark
    keys: AnswerKeys
    samples: Sequence[Sample]
    rounds: Sequence[Sequence[Sample]]

    @classmethod
    def open(cls, request: Request, questions: Questions) -> "Session":
        """Load the model and find out what is left to ask.

        Raises:
            MMABenchError: the model cannot be used.
        """
        name, fixed = request.model, request.protocol
        with activity(f"loading {name}", show=request.progress and isinstance(name, str)):
            model = load_model(name, model_options(fixed, name, request.options)) if isinstance(name, str) else name
            fingerprint = model.fingerprint_for(
                question for sample in questions.benchmark.samples for question in sample.questions
            )
        if request.repeats > 1 and not model.draws:
            raise MMABenchError(
                f"{model.name} gives the same answer every time, so --repeats {request.repeats} would count it several "
                "times; leave --repeats out, or let the model sample (such as --model-option temperature=0.7)"
            )
        benchmark, shard = questions.benchmark, request.shard
        keys = AnswerKeys(fingerprint)
        samples = [sample for sample in benchmark.samples if shard is None or shard.has(sample.stimulus)]
        known = set() if request.overwrite else AnswerStore(request.run).read().keys()
        rounds = _unanswered(samples, keys, known, request.repeats)
        return cls(model, _head(request, questions, model, fingerprint), benchmark, keys, samples, rounds)

    @property
    def total(self) -> int:
        """All questions of this shard, times the repeats."""
        return sum(len(sample.questions) for sample in self.samples) * len(self.rounds)

    @property
    def ahead(self) -> Workload:
        """How much is left."""
        return Workload.of(self.model, self.total, self.rounds)

    @property
    def is_probed(self) -> bool:
        """Whether it matters now if the media reach the model."""
        return self.model.takes_media and bool(self.model.modalities) and any(self.rounds)

    def checked_reach(self, request: Request) -> Probe | None:
        """Return whether what the model is given reaches it; none if that does not matter.

        Raises:
            MMABenchError: a modality does not reach the model.
        """
        if not self.is_probed:
            return None
        return checked_reach(
            self.model, check=request.probe, progress=request.progress, modalities=self.model.modalities
        )

    def part(self, index: int, count: int) -> "Session":
        """Return the share of one of ``count`` processes, counted from 0, of what is left.

        The clips are dealt out in turn, so that all have the same number, each with all of its stimuli.
        """
        left = dict.fromkeys(clip_of(sample.stimulus) for samples in self.rounds for sample in samples)
        mine = set(list(left)[index::count])
        rounds = [[sample for sample in samples if clip_of(sample.stimulus) in mine] for samples in self.rounds]
        return replace(self, rounds=rounds)

    def ask(self, store: AnswerStore, interruption: Interruption, advance: Callable[[Sequence[Answer]], None]) -> None:
        """Ask what is left.

        Args:
            store: where the answers are put.
            interruption: whether nothing new should be begun.
            advance: called with the answers about a stimulus when they are stored.
        """
        for repeat, samples in enumerate(self.rounds):
            if not samples or interruption:
                continue
            self.model.begin_repeat(repeat)
            for sample, answers in self.model.answer_all(samples):
                answered = as_answers(sample, answers, self.model.name)
                store.append(stored_answers(sample, answered, self.keys, repeat))
                advance(answered)

    def prepare(self) -> None:
        """Let the model look at all questions of the run before the first is asked."""
        self.model.prepare([question for sample in self.benchmark.samples for question in sample.questions])


def _head(request: Request, questions: Questions, model: Model, fingerprint: dict[str, str]) -> Run:
    benchmark, fixed = questions.benchmark, request.protocol
    return Run(
        model=model.name,
        model_fingerprint=fingerprint,
        data=str(request.data),
        data_sha256=benchmark.fingerprint,
        split=request.split,
        conditions=sorted({question.condition for sample in benchmark.samples for question in sample.questions}),
        limit=request.limit,
        limit_by=None if request.limit is None else "class",
        mma_bench=__version__,
        protocol=fixed,
        protocol_sha256=fixed.sha256,
        repeats=request.repeats,
        near_synonyms=questions.near_synonyms,
        baseline=None if model.is_baseline == model.name.startswith(BASELINE_PREFIX) else model.is_baseline,
        sorts_by_streams=model.sorts_by_streams or None,
        withheld=[modality for modality in Modality if modality not in model.modalities] or None,
        shard=request.shard,
    )


def _unanswered(
    samples: Sequence[Sample], keys: AnswerKeys, known: Collection[str], repeats: int
) -> list[list[Sample]]:
    """Return the samples with questions that are still open, for each repeat."""
    return [
        [
            replace(sample, questions=missing)
            for sample in samples
            if (missing := [q for q in sample.questions if keys.key(sample.stimulus, q, repeat) not in known])
        ]
        for repeat in range(repeats)
    ]


def stored_answers(sample: Sample, answers: Sequence[Answer], keys: AnswerKeys, repeat: int) -> list[StoredAnswer]:
    """Return the answers to the questions of ``sample`` as they are stored."""
    return [
        StoredAnswer(
            id=keys.key(sample.stimulus, question, repeat),
            question_id=question.question_id,
            text=answer.text,
            option_scores={option: round(value, 6) for option, value in answer.option_scores.items()},
            option_tokens=dict(answer.option_tokens),
            repeat=repeat,
            input_tokens=answer.input_tokens,
            output_tokens=answer.output_tokens,
            seconds=None if answer.seconds is None else round(answer.seconds, 6),
            finish_reason=answer.finish_reason,
            served_by=answer.served_by,
            reasoning=answer.reasoning,
        )
        for question, answer in zip(sample.questions, answers, strict=True)
    ]
