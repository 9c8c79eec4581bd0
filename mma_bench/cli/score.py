"""The command `mma-bench score`."""

import json
from pathlib import Path

import click

from mma_bench.console.group import named_options
from mma_bench.console.options import judge_options, moved_data_option


@click.command()
@click.argument("run", type=click.Path(path_type=Path, file_okay=False, exists=True))
@moved_data_option()
@judge_options()
@click.option("--no-judge", is_flag=True, help="Score without the judge that was used before.")
@click.option("--json", "as_json", is_flag=True, help="Print the scores as JSON.")
def score_command(
    run: Path, data: Path | None, judge: str | None, judge_option: tuple[str, ...], no_judge: bool, as_json: bool
) -> None:
    """Re-score a run's stored answers and write its scores.json. No model is called, except with --judge.

    \b
    Examples:
      mma-bench score runs/cascade
      mma-bench score runs/qwen --judge openai:Qwen/Qwen3-4B-Instruct-2507@http://127.0.0.1:8000/v1
    """
    if judge and no_judge:
        raise click.UsageError("give --judge or --no-judge, not both")
    if judge_option and not judge:
        raise click.UsageError("--judge-option needs --judge")
    from mma_bench.evaluation.judge.record import forget_judge
    from mma_bench.evaluation.rescoring import rescore
    from mma_bench.evaluation.summary import summary
    from mma_bench.files.atomic import remove_leftovers, write_json

    if judge:
        from mma_bench.evaluation.judge.asking import judge_run

        judge_run(run, judge, named_options(judge_option, "--judge-option"), data)
    rescored = rescore(run, data, judged=not no_judge)
    if no_judge:
        forget_judge(run)
    scores = rescored.scores.to_json()
    remove_leftovers(run)  # of this command, killed while it wrote
    write_json(run / "scores.json", scores)
    if as_json:
        click.echo(json.dumps(scores, indent=2))
    else:
        click.echo(summary(rescored.scores, rescored.run.asked, rescored.notes))
