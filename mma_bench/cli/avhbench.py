"""The command `mma-bench avhbench`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mma_bench.console.group import named_options
from mma_bench.console.options import allow_empty_option, model_options, overwrite_option, run_option, skip_probe_option

if TYPE_CHECKING:
    from mma_bench.avhbench.runner import AVHBenchScores
    from mma_bench.avhbench.scores import Share


@click.command("avhbench")
@click.option("--qa", type=click.Path(path_type=Path), required=True, help="AVHBench's QA.json.")
@click.option(
    "--videos", type=click.Path(path_type=Path), required=True, help="Folder with AVHBench's videos, named ID.mp4."
)
@model_options()
@run_option()
@click.option(
    "--task",
    multiple=True,
    metavar="NAME",
    help="Ask only this task; repeatable. Default: all. Tasks: audio_driven_video_hallucination, "
    "video_driven_audio_hallucination, av_matching, av_captioning.",
)
@click.option("--limit", type=click.IntRange(min=1), help="Maximum number of videos, in the order of their ids.")
@click.option("--allow-missing", is_flag=True, help="Continue without videos that are missing or unreadable.")
@overwrite_option()
@skip_probe_option()
@allow_empty_option()
@click.option("--json", "as_json", is_flag=True, help="Print the scores as JSON.")
def avhbench_command(
    qa: Path,
    videos: Path,
    model: str,
    model_option: tuple[str, ...],
    run: Path,
    task: tuple[str, ...],
    limit: int | None,
    allow_missing: bool,
    overwrite: bool,
    skip_probe: bool,
    allow_empty: bool,
    as_json: bool,
) -> None:
    """Evaluate a model on AVHBench. Interrupted runs resume.

    Missing or unreadable videos stop the command before the first question, with exit code 2; --allow-missing
    continues without them.

    \b
    Examples:
      mma-bench avhbench --qa QA.json --videos videos --model transformers:Qwen/Qwen2.5-Omni-7B --run runs/avh
      mma-bench avhbench --qa QA.json --videos videos --model baseline:majority --run runs/avh-majority --allow-missing
    """
    from mma_bench.avhbench.runner import evaluate_avhbench

    scores = evaluate_avhbench(
        model,
        qa,
        videos,
        run=run,
        options=named_options(model_option),
        tasks=task,
        limit=limit,
        allow_missing=allow_missing,
        overwrite=overwrite,
        check_reach=not skip_probe,
        allow_empty=allow_empty,
    )
    if as_json:
        click.echo(json.dumps(scores.to_json(), indent=2))
    else:
        _print(scores, run)


def _print(scores: "AVHBenchScores", run: Path) -> None:
    from mma_bench.avhbench.protocol import published

    head = ("task", "n", "accuracy % [95%]", "precision", "recall", "F1", "yes", "unparsed")
    click.echo("{:<34}{:>5}  {:<21}{:>10}{:>8}{:>7}{:>7}{:>10}".format(*head))
    for task in scores.tasks:
        figures = f"{_percent(task.precision):>10}{_percent(task.recall):>8}{_percent(task.f1):>7}"
        accuracy = f"{_percent(task.accuracy)} [{100 * task.accuracy.low:.1f}, {100 * task.accuracy.high:.1f}]"
        rest = f"{_percent(task.yes_rate):>7}{100 * task.unparsed_rate:>10.1f}"
        click.echo(f"{task.task:<34}{task.questions:>5}  {accuracy:<21}{figures}{rest}")
        for name, value in published().accuracy.get(task.task, {}).items():
            click.echo(f"  {name + ' (published, not re-run)':<37}  {value:.1f}")
    if scores.captions:
        click.echo(f"{scores.captions} captions are stored but not scored: mma-bench ships no captioning metric")
    if scores.unanswered:
        click.echo(f"{scores.unanswered} rows have no answer and are not included in the figures above")
    if scores.videos:
        click.echo(f"{len(scores.videos)} videos were left out: {', '.join(sorted(scores.videos))}")
    for group in scores.repeated:
        what = "contradicts itself" if group.contradicts else "is asked twice"
        click.echo(f"rows {', '.join(map(str, group.rows))}: {group.text!r} about {group.video_id} {what}; all count")
    click.echo(f"Answers: {run / 'answers.jsonl'}   intervals of all figures: {run / 'scores.json'}")


def _percent(share: "Share | None") -> str:
    return "-" if share is None else f"{100 * share.value:.1f}"
