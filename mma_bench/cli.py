"""The command line `mma-bench`."""

import json
from pathlib import Path

import click

from mma_bench import __version__
from mma_bench.avhbench.cli import avhbench_command
from mma_bench.command_line import Command, named_options
from mma_bench.evaluation.cli import compare_command, score_command
from mma_bench.export.cli import export_command
from mma_bench.probe.cli import probe_command
from mma_bench.report.cli import report
from mma_bench.report.leaderboard.cli import leaderboard
from mma_bench.tuning.cli import merge_command, tune_command
from mma_bench.verification.cli import verify_data_command


@click.group(cls=Command, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__)
def main() -> None:
    """Measure what multimodal models do when sight, sound and text disagree.

    \b
    Examples:
      mma-bench eval --data mma-bench --model cascade --run runs/cascade
      mma-bench probe --model openai:MODEL@http://127.0.0.1:8000/v1
      mma-bench score runs/cascade
      mma-bench compare runs/cascade runs/majority
      mma-bench report runs/cascade runs/majority --out report
      mma-bench verify-data mma-bench
    """


@main.command("eval")
@click.option("--data", default="mma-bench", show_default=True, help="Folder of a benchmark, or ORG/NAME on the hub.")
@click.option("--model", required=True, help="cascade, baseline:random, transformers:NAME, openai:MODEL@URL ...")
@click.option("--model-option", multiple=True, metavar="NAME=VALUE", help="Setting of the model; may be repeated.")
@click.option("--run", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder for the answers.")
@click.option(
    "--protocol", default="robust", show_default=True, metavar="NAME", help="paper, robust, or a YAML file of your own."
)
@click.option(
    "--repeats", type=click.IntRange(1, 1000), default=1, show_default=True, help="Ask a sampling model so often."
)
@click.option("--condition", multiple=True, help="Ask only this condition; may be repeated. Default: all.")
@click.option("--split", default="test", show_default=True, help="test or train.")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many stimuli of each media condition.")
@click.option("--overwrite", is_flag=True, help="Forget the answers that the run holds.")
@click.option("--skip-probe", is_flag=True, help="Do not find out first whether video and audio reach the model.")
@click.option("--price-in", type=click.FloatRange(min=0), help="Price per million input tokens, for the run's cost.")
@click.option("--price-out", type=click.FloatRange(min=0), help="Price per million output tokens.")
@click.option("--judge", metavar="MODEL", help="Let openai:MODEL@URL or gemini:MODEL read what no rule can.")
@click.option("--judge-option", multiple=True, metavar="NAME=VALUE", help="Setting of the judge; may be repeated.")
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
    overwrite: bool,
    skip_probe: bool,
    price_in: float | None,
    price_out: float | None,
    judge: str | None,
    judge_option: tuple[str, ...],
    as_json: bool,
) -> None:
    """Ask a model, keep its raw answers, and score them. An interrupted run goes on where it stopped.

    \b
    Examples:
      mma-bench eval --data mma-bench --model cascade --run runs/cascade
      mma-bench eval --model baseline:majority --run runs/majority --condition misaligned --limit 20
      mma-bench eval --model cascade --run runs/paper --protocol paper
    """
    if judge_option and not judge:
        raise click.UsageError("--judge-option needs --judge")
    if (price_in is None) != (price_out is None):
        raise click.UsageError("give both --price-in and --price-out")
    from mma_bench.atomic import write_json
    from mma_bench.evaluation import evaluate, open_run, rescore
    from mma_bench.evaluation.judge.asking import judge_run, load_judge
    from mma_bench.evaluation.rescoring import notes_on
    from mma_bench.evaluation.summary import summary
    from mma_bench.evaluation.usage import Price

    judge_options = named_options(judge_option, "--judge-option")
    if judge:
        load_judge(judge, judge_options)  # a wrong one ends the command before the model is asked
    scores = evaluate(
        model,
        data,
        run=run,
        options=named_options(model_option),
        condition=condition or None,
        split=split,
        limit=limit,
        overwrite=overwrite,
        protocol=protocol,
        repeats=repeats,
        probe=not skip_probe,
        judged=not judge,  # an earlier judge's record is about to be replaced
        price=None if price_in is None or price_out is None else Price(price_in, price_out),
    )
    if judge:
        judge_run(run, judge, judge_options)
        scores = rescore(run).scores
        write_json(run / "scores.json", scores.to_json())
    if as_json:
        click.echo(json.dumps(scores.to_json(), indent=2))
        return
    head = open_run(run)
    click.echo(summary(scores, head.asked, notes_on(head, scores)))
    click.echo(f"Answers: {run / 'answers.jsonl'}   report: mma-bench report {run} --out report")


main.add_command(score_command, "score")
main.add_command(compare_command, "compare")
main.add_command(avhbench_command)
main.add_command(probe_command)
main.add_command(export_command, "export")
main.add_command(report)
main.add_command(leaderboard)
main.add_command(tune_command, "tune")
main.add_command(merge_command, "merge-adapter")
main.add_command(verify_data_command)
