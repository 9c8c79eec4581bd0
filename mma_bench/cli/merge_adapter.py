"""The command `mma-bench merge-adapter`."""

from pathlib import Path

import click


@click.command()
@click.option(
    "--adapter",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    required=True,
    help="Adapter folder written by `mma-bench tune`, LLaMA-Factory or ms-swift.",
)
@click.option(
    "--base",
    metavar="NAME",
    help="Base model (hub name or folder), for adapters of other trainers. Default: the one named in the adapter.",
)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder to create.")
def merge_command(adapter: Path, base: str | None, out: Path) -> None:
    """Merge an adapter into the weights of its base model, and write a checkpoint.

    \b
    Examples:
      mma-bench merge-adapter --adapter tuned/adapter --out tuned/merged
      mma-bench merge-adapter --adapter saves --base Qwen/Qwen2.5-Omni-7B --out merged
      mma-bench eval --model transformers:tuned/merged --run runs/tuned
    """
    from mma_bench.tuning import merge

    merge(adapter, out, base)
    card = adapter / "README.md"
    options = f", options as in {card}" if (adapter / "tuning.json").is_file() else ""
    click.echo(f"Checkpoint: {out}   evaluate: mma-bench eval --model transformers:{out}{options}")
