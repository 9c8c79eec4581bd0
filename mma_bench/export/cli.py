"""The command `mma-bench export`."""

from pathlib import Path

import click


@click.command()
@click.option("--data", default="mma-bench", show_default=True, help="Folder of a benchmark, or ORG/NAME on the hub.")
@click.option(
    "--format", "form", required=True, type=click.Choice(["llama-factory", "ms-swift", "jsonl"]), help="Who reads it."
)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder to make.")
@click.option("--condition", multiple=True, help="Export only this condition; may be repeated. Default: all.")
@click.option("--variant", multiple=True, help="Word the questions so; may be repeated. Default: standard.")
@click.option("--seed", default=0, show_default=True, help="Seed of the wordings.")
@click.option("--split", default="test", show_default=True, help="test or train.")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many stimuli of each media condition.")
@click.option("--absolute", is_flag=True, help="Write absolute paths of the media, not ones within the folder.")
def export_command(
    data: str,
    form: str,
    out: Path,
    condition: tuple[str, ...],
    variant: tuple[str, ...],
    seed: int,
    split: str,
    limit: int | None,
    absolute: bool,
) -> None:
    """Write the questions and their media for another trainer.

    LLaMA-Factory takes the folder as `dataset_dir` and as `media_dir`, with the dataset `mma_bench`. ms-swift
    resolves paths where it runs: run it in the folder, or use --absolute. The folder also holds what trains as the
    first paper did: train.yaml or train.sh.

    \b
    Examples:
      mma-bench export --data mma-bench --split train --format llama-factory --out export
      mma-bench export --data mma-bench --format ms-swift --absolute --condition misaligned --out export
      mma-bench export --data mma-bench --format jsonl --variant shuffled_options_1 --variant none_present --out export
    """
    from mma_bench.export.write import export

    lines = export(
        data,
        out,
        form=form,
        condition=condition or None,
        split=split,
        limit=limit,
        absolute=absolute,
        variants=variant or ("standard",),
        seed=seed,
    )
    click.echo(f"{lines} questions: {out / 'mma_bench.jsonl'}")
