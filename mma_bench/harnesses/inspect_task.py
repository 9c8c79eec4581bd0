"""The benchmark as a task of inspect_ai; see docs/harnesses.md.

inspect eval mma_bench/mma_bench -T data=mma-bench --no-log-images --model google/gemini-2.5-pro
"""

from typing import Any

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ChatMessageUser, ContentAudio, ContentText, ContentVideo, GenerateConfig
from inspect_ai.scorer import Score, Scorer, Target, grouped, mean, scorer
from inspect_ai.solver import TaskState, generate

from mma_bench.dataset.load import load
from mma_bench.harnesses.media_files import separate_files
from mma_bench.harnesses.reading import MEASURES, judge, plain_row


@task
def mma_bench(data: str = "mma-bench", condition: str | None = None, limit: int | None = None) -> Task:
    """Ask about the silent video and the audio of each stimulus, and parse the answer like mma-bench.

    Args:
        data: folder of a benchmark, or `ORG/NAME` on the hub.
        condition: one condition, or several joined by commas; by default all.
        limit: maximum number of stimuli per media condition.
    """
    benchmark = load(data, condition=condition.split(",") if condition else None, limit=limit)
    files = {sample.stimulus.key: separate_files(sample) for sample in benchmark.samples}
    samples = []
    for index, row in enumerate(benchmark):
        video, audio = files[row.key]
        content = [
            ContentVideo(video=str(video), format="mp4"),
            ContentAudio(audio=str(audio), format="wav"),
            ContentText(text=row.prompt),
        ]
        known = {**plain_row(row, index), "cell": f"{row.condition}_{row.modality}"}
        samples.append(
            Sample(input=[ChatMessageUser(content=content)], target=row.answer, id=row.question_id, metadata=known)
        )
    return Task(
        dataset=MemoryDataset(samples, name="mma_bench"),
        solver=generate(),
        scorer=option_named(),
        config=GenerateConfig(temperature=0, max_tokens=256),
        version=1,
    )


@scorer(metrics={name: [grouped(mean(), "cell")] for name in MEASURES})
def option_named() -> Scorer:
    """Parse which option the answer names; metrics are shares per condition and modality."""

    async def score(state: TaskState, target: Target) -> Score:
        text = state.output.completion
        value: dict[str, Any] = dict(judge(state.metadata, text))
        return Score(value=value, answer=text)

    return score
