"""The command `mma-bench eval`."""

import json
from pathlib import Path

import click

from mma_bench.console.group import named_options
from mma_bench.console.options import (
    allow_empty_option,
    condition_option,
    data_option,
    judge_options,
    limit_option,
    model_options,
    overwrite_option,
    run_option,
    shard_option,
    skip_probe_option,
    split_option,
    workers_option,
)


@click.command("eval")
@data_option()
@model_options()
@run_option()
@click.option(
    "--protocol",
    default="robust",
    show_default=True,
    metavar="paper|robust|controls|phrasing|detection|FILE",
    help="Protocol that defines the questions: a name or a YAML file.",
)
@click.option(
    "--repeats",
    type=click.IntRange(1, 1000),
    default=1,
    show_default=True,
    help="Samples per question (for models that sample).",
)
@condition_option()
@split_option()
@limit_option()
@shard_option()
@workers_option()
@click.option(
    "--batch-stimuli",
    type=click.IntRange(1, 256),
    default=1,
    show_default=True,
    help="Stimuli whose questions a transformers model answers in one batch; more take more memory.",
)
@overwrite_option()
@skip_probe_option()
@click.option("--price-in", type=click.FloatRange(min=0), help="Price per million input tokens, for the run's cost.")
@click.option("--price-out", type=click.FloatRange(min=0), help="Price per million output tokens, for the run's cost.")
@allow_empty_option()
@judge_options()
@click.option("--json", "as_json", is_flag=True, help="Print the scores as JSON.")
def evaluate_command(
    data: str,
    model: str,
    model_option: tuple[str, ...],
    run: Path,
    protocol: str,
    repeats: int,
    condition: tuple[str, ...],
    split: str,
    limit: int | None,
    shard: str | None,
    workers: int,
    batch_stimuli: int,
    overwrite: bool,
    skip_probe: bool,
    price_in: float | None,
    price_out: float | None,
    allow_empty: bool,
    judge: str | None,
    judge_option: tuple[str, ...],
    as_json: bool,
) -> None:
    """Ask a model the questions of a benchmark, store its raw answers, and score them. Interrupted runs resume.

    \b
    Examples:
      mma-bench eval --data mma-bench --model cascade --run runs/cascade
      mma-bench eval --model baseline:majority --run runs/majority --condition misaligned --limit 20
      mma-bench eval --model cascade --run runs/paper --protocol paper
      mma-bench eval --model transformers:Qwen/Qwen2.5-Omni-7B --run runs/qwen --workers 4
      mma-bench eval --model transformers:Qwen/Qwen2.5-Omni-7B --run runs/qwen.shards/2 --shard 2/16
    """
    if judge_option and not judge:
        raise click.UsageError("--judge-option needs --judge")
    if judge and shard:
        raise click.UsageError("--judge with --shard: judge the merged run, with `mma-bench score RUN --judge`")
    if (price_in is None) != (price_out is None):
        raise click.UsageError("give both --price-in and --price-out")
    from mma_bench.evaluation import evaluate, open_run, rescore
    from mma_bench.evaluation.judge.asking import judge_run, load_judge
    from mma_bench.evaluation.rescoring import notes_on
    from mma_bench.evaluation.store import AnswerStore
    from mma_bench.evaluation.summary import summary
    from mma_bench.evaluation.usage import Price
    from mma_bench.files.atomic import write_json

    settings = named_options(model_option)
    if batch_stimuli > 1:
        settings = _in_batches(model, settings, batch_stimuli)
    judge_options = named_options(judge_option, "--judge-option")
    if judge:
        load_judge(judge, judge_options)  # a wrong one ends the command before the model is asked
    scores = evaluate(
        model,
        data,
        run=run,
        options=settings,
        condition=condition or None,
        split=split,
        limit=limit,
        overwrite=overwrite,
        protocol=protocol,
        repeats=repeats,
        probe=not skip_probe,
        judged=not judge,  # an earlier judge's record is about to be replaced
        price=None if price_in is None or price_out is None else Price(price_in, price_out),
        allow_empty=allow_empty,
        shard=shard,
        workers=workers,
    )
    if judge:
        judge_run(run, judge, judge_options)
        scores = rescore(run).scores
        write_json(run / "scores.json", scores.to_json())
    if as_json:
        click.echo(json.dumps(scores.to_json(), indent=2))
        return
    head = open_run(run)
    click.echo(summary(scores, head.asked, notes_on(head, scores, AnswerStore(run).read().values())))
    report = f"report: mma-bench report {run} --out report"
    after = "when all shards are finished: mma-bench merge-runs RUN... --out RUN" if head.shard else report
    click.echo(f"Answers: {run / 'answers.jsonl'}   {after}")


def _in_batches(model: str, options: dict[str, str], stimuli: int) -> dict[str, str]:
    """Return the model's options with the number of stimuli per batch.

    Raises:
        MMABenchError: it cannot answer several stimuli at a time.
    """
    from mma_bench.errors import MMABenchError
    from mma_bench.models import model_class
    from mma_bench.models.omni.model import TransformersOmni

    if not issubclass(model_class(model), TransformersOmni):
        raise MMABenchError(
            f"--batch-stimuli: {model} is not a transformers model without a wrapper; leave it out (models on a server "
            "have --model-option concurrency=N)"
        )
    return {**options, "batch_stimuli": str(stimuli)}
