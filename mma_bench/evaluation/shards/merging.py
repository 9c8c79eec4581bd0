"""Make one run of the shards of a run: the run that one process would have made, answer for answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mma_bench.dataset.load import Benchmark
from mma_bench.errors import MMABenchError
from mma_bench.evaluation.emptiness import require_answers
from mma_bench.evaluation.rescoring import questions_of
from mma_bench.evaluation.scores import Scores, score
from mma_bench.evaluation.shards.order import in_order
from mma_bench.evaluation.shards.shard import MergedShard, Shard
from mma_bench.evaluation.store import AnswerKeys, AnswerStore, Run, StoredAnswer, begin_run, open_run
from mma_bench.evaluation.usage import add_usage, read_usage
from mma_bench.evaluation.workers.parts import recover_parts
from mma_bench.files.atomic import atomic_folder, write_json
from mma_bench.probe import Probe, read_probe, record_probe

_MAY_DIFFER = frozenset({"data", "shard"})
"""What two shards of a run need not have in common: a dataset may have another path on another machine."""


@dataclass(frozen=True)
class _Part:
    """A shard as it was found."""

    folder: Path
    run: Run
    shard: Shard
    answers: Mapping[str, StoredAnswer]

    @classmethod
    def open(cls, folder: Path) -> "_Part":
        run = open_run(folder, judged=False)
        if run.shard is None:
            raise MMABenchError(f"{folder} is a whole run, not a shard; give runs made with `mma-bench eval --shard`")
        recover_parts(folder)
        return cls(folder, run, run.shard, AnswerStore(folder).read())

    def merged(self) -> MergedShard:
        """Return what the merged run records of it."""
        seconds = read_usage(self.folder, self.answers.values()).wall_seconds
        return MergedShard(shard=self.shard, answers=len(self.answers), wall_seconds=seconds)


def merge_runs(
    runs: Sequence[str | Path],
    out: str | Path,
    *,
    data: str | Path | None = None,
    partial: bool = False,
    allow_empty: bool = False,
) -> Scores:
    """Make one run of all shards of a run, with its scores. No model is called.

    Its answers are those of a run that one process made, in the same order. What the shards took is added up; the
    peak memory is the highest of any shard. The folder appears at once, complete. Answers that killed workers left in a
    shard are put into that shard first.

    Args:
        runs: the shards, in any order.
        out: folder of the merged run, new or empty.
        data: the dataset, if it is not where the first shard says.
        partial: merge although shards or answers are missing: `evaluate` resumes the merged run.
        allow_empty: merge although answers are empty because they were cut off, or half of all are empty.

    Returns:
        The scores of the merged run.

    Raises:
        MMABenchError: a folder is not a shard, they are shards of different runs, one is given twice, missing or
            unfinished, has answers of another or is still being asked, the data is missing or was changed since, or
            ``out`` is not empty.
    """
    place = Path(out)
    if place.exists() and not (place.is_dir() and not any(place.iterdir())):
        raise MMABenchError(f"{place} exists and is not an empty folder; choose another --out")
    parts = sorted((_Part.open(Path(folder)) for folder in runs), key=lambda part: part.shard.index)
    _require_one_run(parts)
    if not partial:
        _require_all(parts)
    first = parts[0]
    benchmark = questions_of(first.folder, first.run, None if data is None else Path(data))
    keys = AnswerKeys(first.run.model_fingerprint)
    _require_own_answers(parts, benchmark, keys)
    if not partial:
        for part in parts:
            _require_finished(part, benchmark, keys)
    answers = {key: answer for part in parts for key, answer in part.answers.items()}
    require_answers(keys.fingerprint, answers.values(), allow_empty=allow_empty)
    head = first.run.changed(
        data=first.run.data if data is None else str(data),
        shard=None,
        shards=[part.merged() for part in parts],
    )
    asked = head.asked
    scores = score(benchmark, answers.values(), keys, asked.headline, average=asked.average, repeats=head.repeats)
    with atomic_folder(place) as folder:
        begin_run(folder, head, overwrite=False)
        store = AnswerStore(folder)
        store.append(in_order(answers, head, benchmark, keys))
        store.sync()
        add_usage(folder, [part.folder for part in parts], answers.values(), at_once=False)
        if found := _probe(parts):
            record_probe(folder, found)
        write_json(folder / "scores.json", scores.to_json())
    return scores


def _require_one_run(parts: Sequence[_Part]) -> None:
    """Raise MMABenchError unless ``parts`` are different shards of the same run."""
    if not parts:
        raise MMABenchError("there is nothing to merge; give the folders of all shards")
    first = parts[0]
    said = first.run.model_dump(exclude=set(_MAY_DIFFER))
    for part, before in zip(parts[1:], parts, strict=False):
        other = part.run.model_dump(exclude=set(_MAY_DIFFER))
        different = sorted(name for name in said.keys() | other.keys() if said.get(name) != other.get(name))
        if part.shard.count != first.shard.count:
            different = [f"--shard {first.shard} and --shard {part.shard}"]
        if different:
            raise MMABenchError(
                f"{first.folder} and {part.folder} are shards of different runs ({', '.join(different)}); give shards "
                "made by the same command"
            )
        if part.shard == before.shard:
            raise MMABenchError(
                f"shard {part.shard} is given twice: {before.folder} and {part.folder}; give one of them"
            )


def _require_all(parts: Sequence[_Part]) -> None:
    count = parts[0].shard.count
    known = {part.shard.index for part in parts}
    if missing := [f"{i}/{count}" for i in range(1, count + 1) if i not in known]:
        shown = ", ".join(missing[:10]) + (f" and {len(missing) - 10} more" if len(missing) > 10 else "")
        raise MMABenchError(
            f"missing: shard {shown}; give all {count} shards, or --partial to finish the merged run with "
            "`mma-bench eval`"
        )


def _require_own_answers(parts: Sequence[_Part], benchmark: Benchmark, keys: AnswerKeys) -> None:
    """Raise MMABenchError if a shard answers what another one answers, or has to answer."""
    holders: dict[str, _Part] = {}
    for part in parts:
        for key, answer in part.answers.items():
            if (other := holders.setdefault(key, part)) is not part:
                raise MMABenchError(
                    f"{other.folder}, shard {other.shard}, and {part.folder}, shard {part.shard}, both answer "
                    f"{answer.question_id}; ask one of them again with --overwrite"
                )
    for sample in benchmark.samples:
        for question in sample.questions:
            for key in keys.keys(sample.stimulus, question, parts[0].run.repeats):
                if (holder := holders.get(key)) and not holder.shard.has(sample.stimulus):
                    raise MMABenchError(
                        f"{holder.folder}, shard {holder.shard}, answers {question.question_id}, which belongs to "
                        "another shard; ask it again with --overwrite"
                    )


def _require_finished(part: _Part, benchmark: Benchmark, keys: AnswerKeys) -> None:
    missing = sum(
        keys.key(sample.stimulus, question, repeat) not in part.answers
        for sample in benchmark.samples
        if part.shard.has(sample.stimulus)
        for question in sample.questions
        for repeat in range(part.run.repeats)
    )
    if missing:
        raise MMABenchError(
            f"{part.folder}, shard {part.shard}, is not finished: {missing:,} questions have no answer; run its "
            "command again, or give --partial to finish the merged run with `mma-bench eval`"
        )


def _probe(parts: Sequence[_Part]) -> Probe | None:
    """Return what the shards found out about the way of the media to the model: the most doubtful of it."""
    found = [probe for part in parts if (probe := read_probe(part.folder))]
    return max(found, key=lambda probe: (probe.skipped, len(probe.missing), len(probe.unclear)), default=None)
