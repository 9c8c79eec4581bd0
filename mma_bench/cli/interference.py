"""The command `mma-bench interference`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mma_bench.console.group import named_options
from mma_bench.console.options import (
    allow_empty_option,
    folder_path,
    model_options,
    overwrite_option,
    skip_probe_option,
)

if TYPE_CHECKING:
    from mma_bench.interference.results import Results

_file = click.Path(path_type=Path, dir_okay=False)


@click.command("interference")
@click.option(
    "--data",
    required=True,
    metavar="FOLDER|FILE|DATASET",
    help="Folder with a subfolder of pictures or sounds per class, mma-bench dataset, folder of a Hugging Face "
    "dataset, table of questions, or YAML that names one.",
)
@model_options()
@click.option("--run", type=folder_path, required=True, help="Folder for answers, numbers and the page.")
@click.option("--columns", type=_file, help="YAML that names the columns of a table of questions.")
@click.option(
    "--intervention",
    multiple=True,
    metavar="NAME[:STRENGTH]",
    help="Make only this intervention; repeatable. Default: all, see `mma-bench list interventions`.",
)
@click.option("--limit", type=click.IntRange(min=1), help="Maximum number of source items per kind. Default: all.")
@click.option("--protocol", type=_file, help="YAML with options, wording and interventions. Default: the paper's.")
@click.option(
    "--set", "overrides", multiple=True, metavar="NAME=VALUE", help="Change the protocol, as options=6; repeatable."
)
@click.option("--pictures", type=folder_path, help="Unrelated pictures. Default: of other clips, or drawings.")
@click.option("--sounds", type=folder_path, help="Unrelated sounds. Default: of other clips, or tones.")
@click.option("--split", default="test", show_default=True, help="Split, for datasets that have several.")
@click.option("--against", type=folder_path, help="Finished run of the same questions to compare with.")
@overwrite_option()
@skip_probe_option()
@allow_empty_option()
@click.option("--dry-run", is_flag=True, help="Say what would be asked; load no weights, write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def interference_command(
    data: str,
    model: str,
    model_option: tuple[str, ...],
    run: Path,
    columns: Path | None,
    intervention: tuple[str, ...],
    limit: int | None,
    protocol: Path | None,
    overrides: tuple[str, ...],
    pictures: Path | None,
    sounds: Path | None,
    split: str,
    against: Path | None,
    overwrite: bool,
    skip_probe: bool,
    allow_empty: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Measure whether inputs that should not matter change a model's decisions. Interrupted runs resume.

    \b
    Examples:
      mma-bench interference --data photos --model cascade --run interference/photos
      mma-bench interference --data mma-bench --model transformers:Qwen/Qwen2.5-Omni-7B --run interference/qwen
      mma-bench interference --data obqa.yaml --model openai:MODEL@http://127.0.0.1:8000/v1 --run interference/text
      mma-bench interference --data photos --model cascade --run interference/six --set options=6 --limit 50
      mma-bench interference --data photos --model transformers:tuned/merged --run interference/after \\
        --against interference/before
    """
    from mma_bench.interference.preview import preview
    from mma_bench.interference.run import interfere

    options = named_options(model_option)
    if dry_run:
        preview(
            model, data, run=run, options=options, against=against, overwrite=overwrite, protocol=protocol,
            overrides=overrides, interventions=intervention or None, split=split, limit=limit, columns=columns,
            pictures=pictures, sounds=sounds,
        ).print()  # fmt: skip
        return
    results = interfere(
        model,
        data,
        run=run,
        options=options,
        protocol=protocol,
        overrides=overrides,
        interventions=intervention or None,
        split=split,
        limit=limit,
        columns=columns,
        pictures=pictures,
        sounds=sounds,
        against=against,
        overwrite=overwrite,
        check_reach=not skip_probe,
        allow_empty=allow_empty,
    )
    if as_json:
        click.echo(json.dumps(json.loads((run / "results.json").read_text("utf-8")), indent=1))
        return
    click.echo(_summary(results))
    click.echo(f"Page: {run / 'index.html'}   numbers: {run / 'results.json'}")


def _summary(results: "Results") -> str:
    from mma_bench.interference.protocol import KINDS, TaskKind
    from mma_bench.interference.tables import name_of

    lines = []
    for clean in results.clean:
        right = 100 * clean.accuracy.value
        lines.append(f"{KINDS[TaskKind(clean.kind)]}: {right:.1f}% right without intervention, {clean.items} items")
        lines.append(
            "  {:<34}{:>6}  {:<22}{:>8}{:>14}".format(
                "intervention", "n", "effect % [95%]", "right %", "to suggested %"
            )
        )
        for one in results.effects:
            if one.kind == clean.kind:
                effect = f"{100 * one.effect.value:5.1f} [{100 * one.effect.low:.1f}, {100 * one.effect.high:.1f}]"
                suggested = "-" if one.suggested == 0 else f"{100 * one.to_suggested.value:.1f}"
                lines.append(
                    f"  {name_of(one.intervention):<34}{one.answers:>6}  {effect:<22}{100 * one.accuracy.value:>8.1f}"
                    f"{suggested:>14}"
                )
    if results.missing:
        lines.append(f"note: {results.missing} questions have no answer yet and are left out")
    return "\n".join(lines)
