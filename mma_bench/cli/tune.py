"""The command `mma-bench tune`."""

import os
from pathlib import Path

import click


@click.command()
@click.option(
    "--config",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    required=True,
    help="YAML file; see mma_bench/tuning/configs/.",
)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder for the run.")
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="NAME=VALUE",
    help="Override a setting, such as train.steps=20; repeatable.",
)
@click.option("--dry-run", is_flag=True, help="Check everything that needs no network, then stop. Writes nothing.")
def tune_command(config: Path, out: Path, overrides: tuple[str, ...], dry_run: bool) -> None:
    """Fine-tune a model on clips whose video, audio and text disagree, so that it learns which modality to trust.

    Trains LoRA by default; train.weights=full trains all layers of the language model.

    Interrupted runs resume when the same command runs again. On several GPUs, start it with
    `accelerate launch -m mma_bench tune ...`.

    \b
    Examples:
      mma-bench tune --config mma_bench/tuning/configs/robust.yaml --out tuned --dry-run
      mma-bench tune --config mma_bench/tuning/configs/alignment.yaml --out tuned --set data.path=ORG/NAME
    """
    from mma_bench.tuning import read_settings, tune

    settings = read_settings(config, overrides)
    if dry_run:
        from mma_bench.tuning.dry_run import plan_tuning

        plan_tuning(settings, out).print()
        return
    result = tune(settings, out)
    if result is None or os.environ.get("RANK", "0") != "0":  # one of several processes that accelerate started
        return
    score = "" if result.score is None else f", {100 * result.score:.1f} % of the held-out questions correct"
    early = ", stopped early" if result.stopped_early else ""
    if settings.train.weights == "full":
        click.echo(f"{result.steps} steps{early}{score}. Checkpoint: {result.adapter}")
        click.echo(f"Evaluate it: mma-bench eval --model transformers:{result.adapter} --run runs/tuned")
    else:
        click.echo(f"{result.steps} steps{early}{score}. Adapter: {result.adapter}")
        click.echo(f"Merge it: mma-bench merge-adapter --adapter {result.adapter} --out {out / 'merged'}")
    click.echo(f"Evaluate it and the base model with {settings.model.evaluation_options}")
