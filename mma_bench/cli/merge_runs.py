"""The command `mma-bench merge-runs`."""

import json
from pathlib import Path

import click

from mma_bench.console.options import allow_empty_option, folder_path, moved_data_option


@click.command("merge-runs")
@click.argument(
    "runs", nargs=-1, required=True, metavar="RUN...", type=click.Path(path_type=Path, file_okay=False, exists=True)
)
@click.option("--out", type=folder_path, required=True, help="Folder for the merged run; new or empty.")
@moved_data_option()
@click.option("--partial", is_flag=True, help="Merge although shards or answers are missing; `eval` finishes the run.")
@allow_empty_option()
@click.option("--json", "as_json", is_flag=True, help="Print the scores as JSON.")
def merge_runs_command(
    runs: tuple[Path, ...], out: Path, data: Path | None, partial: bool, allow_empty: bool, as_json: bool
) -> None:
    """Merge the shards of a run, made with `mma-bench eval --shard`, into one run. No model is called.

    The merged run has the answers that a run without shards has, in the same order. Shards of different runs, and
    shards that are missing, unfinished or given twice, are refused.

    \b
    Examples:
      mma-bench merge-runs runs/qwen.shards/* --out runs/qwen
      mma-bench merge-runs runs/qwen.shards/1 runs/qwen.shards/3 --out runs/qwen --partial
    """
    from mma_bench.evaluation import AnswerStore, merge_runs, open_run
    from mma_bench.evaluation.rescoring import notes_on
    from mma_bench.evaluation.summary import summary

    scores = merge_runs(runs, out, data=data, partial=partial, allow_empty=allow_empty)
    if as_json:
        click.echo(json.dumps(scores.to_json(), indent=2))
        return
    head = open_run(out)
    click.echo(summary(scores, head.asked, notes_on(head, scores, AnswerStore(out).read().values())))
    click.echo(f"Answers: {out / 'answers.jsonl'}   report: mma-bench report {out} --out report")
