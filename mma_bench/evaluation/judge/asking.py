"""Ask a judge about the answers of a run that no rule could read."""

from collections.abc import Mapping
from pathlib import Path

from mma_bench.console.interruption import held_back
from mma_bench.console.progress import bar
from mma_bench.dataset.load import Sample
from mma_bench.dataset.media import Media
from mma_bench.errors import MMABenchError
from mma_bench.evaluation.judge.prompt import judge_prompt
from mma_bench.evaluation.judge.record import Judge, append_reply, read_replies, replies_path, write_judge
from mma_bench.evaluation.rescoring import rescore
from mma_bench.evaluation.store import open_run
from mma_bench.files.hashing import sha256_bytes
from mma_bench.files.jsonl import cut_unfinished_line
from mma_bench.models import load, model_class
from mma_bench.models.interface import Model
from mma_bench.schema import Modality, Question, Stimulus, Stream


def judge_run(
    folder: Path, model: str, options: Mapping[str, str], data: Path | None = None, *, progress: bool = True
) -> int:
    """Let ``model`` judge what the parser leaves unread in the run ``folder``, and make it the run's judge.

    Replies are stored as they come: an interrupted command goes on where it stopped, and scoring never asks again.
    Blank ones say nothing and are not stored: the next command asks again.

    Args:
        folder: a run.
        model: `openai:MODEL@URL` or `gemini:MODEL`.
        options: settings of the judge by name.
        data: the dataset, if it was moved since the run.
        progress: show progress on standard error.

    Returns:
        How many answers, alike ones counted once, the judge was asked about now.

    Raises:
        MMABenchError: the run or the judge cannot be used, or a request failed for good; the run's scores are then as
            they were.
    """
    if shard := open_run(folder, judged=False).shard:
        raise MMABenchError(
            f"{folder} is shard {shard} of a run; merge the shards with `mma-bench merge-runs` and judge the merged run"
        )
    asked = load_judge(model, options)
    judge = Judge(model=asked.name, fingerprint=asked.fingerprint())
    replies = read_replies(folder, judge)
    prompts = dict.fromkeys(
        judge_prompt(verdict.text, verdict.question.options, verdict.question.modality)
        for verdict in rescore(folder, data, judged=False).scores.unread
    )
    samples = {replies.key(prompt): _sample(prompt) for prompt in prompts if not replies.has(prompt)}
    keys = {sample.stimulus.key: key for key, sample in samples.items()}
    if samples:
        cut_unfinished_line(replies_path(folder))
    shown = bar(f"judge {asked.name}", len(samples), unit="answer", show=progress)
    with shown, held_back(asked.stop_soon):
        for sample, answers in asked.answer_all(list(samples.values())):
            if answers[0].text.strip():  # a judge that thought until its tokens were spent may do better next time
                append_reply(folder, keys[sample.stimulus.key], answers[0].text)
            shown.update()
    write_judge(folder, judge)
    return len(samples)


def load_judge(model: str, options: Mapping[str, str]) -> Model:
    """Return the model that judges: one that answers from text alone, such as a server.

    Raises:
        MMABenchError: it is another model, or a setting is wrong.
    """
    settings = model_class(model).judge_settings
    if settings is None:
        raise MMABenchError(
            f"--judge {model!r}: a judge is a server, openai:MODEL@URL or gemini:MODEL, or a class of your own "
            "that sets judge_settings"
        )
    if wrong := [name for name in settings if name in options]:
        raise MMABenchError(f"--judge-option {wrong[0]}: a judge gets text alone; leave it out")
    judge = load(model, {**options, **settings})
    if judge.draws:
        raise MMABenchError("--judge-option temperature: the judge must be deterministic; remove temperature")
    return judge


def _sample(prompt: str) -> Sample:
    """Return ``prompt`` as the question about a stimulus without media, which is what models are asked."""
    key = sha256_bytes(prompt.encode())[:32]
    nothing = Stream(origin="silence", clip_id=None, label=None, sha256="", seconds=0.0)
    question = Question(
        question_id=key,
        condition="judge",
        modality=Modality.VISUAL,
        prompt=prompt,
        options=["none", "unclear"],
        answer="unclear",
        distractor=None,
        answerable=True,
    )
    stimulus = Stimulus(
        key=key, condition="judge", split="test", video=nothing, audio=nothing, seconds=0.0, questions=[question]
    )
    return Sample(stimulus, [question], Media(key, lambda: b"", lambda: b"", 0.0))
