"""The command `mma-bench diagnose`."""

import json
from pathlib import Path

import click

from mma_bench.console.group import named_options
from mma_bench.console.options import (
    condition_option,
    data_option,
    folder_path,
    limit_option,
    model_options,
    split_option,
)


@click.command("diagnose")
@data_option()
@model_options()
@click.option("--run", type=folder_path, required=True, help="Folder for tables, numbers, figures and the page.")
@click.option(
    "--part",
    multiple=True,
    metavar="NAME",
    help="Measure only this part and those that it needs; repeatable. Default: all, see `mma-bench list parts`.",
)
@condition_option()
@split_option()
@limit_option()
@click.option(
    "--protocol", default="paper", show_default=True, metavar="paper|robust|phrasing|FILE", help="Questions to ask."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of controls and intervals.")
@click.option(
    "--against", type=folder_path, help="Diagnosis of the same questions to compare with, such as before tuning."
)
@click.option("--overwrite", is_flag=True, help="Discard what was measured and start over.")
@click.option("--dry-run", is_flag=True, help="Say what would be measured; load no weights, write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print all numbers as JSON.")
def diagnose_command(
    data: str,
    model: str,
    model_option: tuple[str, ...],
    run: Path,
    part: tuple[str, ...],
    condition: tuple[str, ...],
    split: str,
    limit: int | None,
    protocol: str,
    seed: int,
    against: Path | None,
    overwrite: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Look inside a model while it answers: where it looks, and what changes its answer. Interrupted runs resume.

    Works with transformers: models. Without --condition, the conditions aligned, misaligned and misleading_caption are
    used, as far as the dataset has them.

    \b
    Examples:
      mma-bench diagnose --data mma-bench --model transformers:Qwen/Qwen2.5-Omni-7B --run diagnosis/qwen
      mma-bench diagnose --model transformers:FOLDER --run diagnosis/x --part attention --limit 20
      mma-bench diagnose --model transformers:tuned/merged --run diagnosis/after --against diagnosis/before
    """
    from mma_bench.diagnosis import diagnose
    from mma_bench.diagnosis.preview import preview

    options = named_options(model_option)
    if dry_run:
        preview(model, data, run=run, options=options, parts=part or None, condition=condition or None, split=split,
                limit=limit, protocol=protocol).print()  # fmt: skip
        return
    found = diagnose(
        model,
        data,
        run=run,
        options=options,
        parts=part or None,
        condition=condition or None,
        split=split,
        limit=limit,
        protocol=protocol,
        seed=seed,
        against=against,
        overwrite=overwrite,
    )
    if as_json:
        click.echo(json.dumps([number.to_json() for number in found.numbers], indent=1))
        return
    click.echo(f"Page: {run / 'index.html'}   numbers: {run / 'estimates.parquet'}")
