"""The command `mma-bench export`."""

from pathlib import Path

import click

from mma_bench.console.options import condition_option, data_option, limit_option, split_option

_VARIANTS = (
    "Wording of the questions; repeatable. Default: standard. Others: shuffled_options_1 (2, ...), none_present, "
    "none_absent, caption_sentence, ...; docs/build.md lists all."
)


@click.command()
@data_option()
@click.option(
    "--format",
    "form",
    required=True,
    metavar="NAME",
    help="llama-factory, llama-factory-separate, ms-swift, ms-swift-separate, jsonl, or one of a package of yours. "
    "-separate: all video tokens before all audio tokens.",
)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder to create.")
@condition_option()
@click.option("--variant", multiple=True, metavar="NAME", help=_VARIANTS)
@click.option("--seed", default=0, show_default=True, help="Seed of the wordings.")
@split_option()
@limit_option()
@click.option("--absolute", is_flag=True, help="Write absolute media paths instead of paths relative to the folder.")
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
    """Write the questions and their media as training files for another trainer.

    llama-factory and ms-swift use the same layout as `mma-bench eval`: video and audio tokens interleaved by time.
    ms-swift only interleaves audio that is part of the video file, so its files contain both streams.

    For LLaMA-Factory, use the folder as `dataset_dir` and `media_dir`, and the dataset `mma_bench`. ms-swift
    resolves paths in its working directory: run it in the folder, or use --absolute. The folder also contains
    train.yaml or train.sh, which train as the paper did.

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
