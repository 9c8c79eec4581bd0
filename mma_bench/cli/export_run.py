"""The command `mma-bench export-run`."""

from pathlib import Path

import click

FORMATS = ("every-eval-ever",)
RELATIONSHIPS = ("first_party", "third_party", "collaborative", "other")


@click.command("export-run")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder for the records.")
@click.option("--data", type=click.Path(path_type=Path), help="Dataset folder, if it has moved since the run.")
@click.option(
    "--format", "form", type=click.Choice(FORMATS), default=FORMATS[0], show_default=True, help="Schema of the records."
)
@click.option("--developer", metavar="NAME", help="Who made the model. Required if the model's name does not say.")
@click.option("--model-name", metavar="NAME", help="Name of the model in the records. Default: the run's own.")
@click.option(
    "--organization", metavar="NAME", default="unspecified", show_default=True, help="Who ran the evaluation."
)
@click.option(
    "--relationship",
    type=click.Choice(RELATIONSHIPS),
    default="other",
    show_default=True,
    help="How the organization relates to the model's developer.",
)
@click.option(
    "--timestamp",
    type=click.IntRange(min=0),
    metavar="SECONDS",
    help="Unix time of the record. Default: when the run's last answer was stored.",
)
def export_run_command(
    run: Path,
    out: Path,
    data: Path | None,
    form: str,
    developer: str | None,
    model_name: str | None,
    organization: str,
    relationship: str,
    timestamp: int | None,
) -> None:
    """Export a run as records that other tools can read. No model is called.

    The records follow the schema of Every Eval Ever 0.3.0: one JSON file with every score and its 95% interval, and one
    JSON Lines file with every answer and the rule that parsed it.

    The files are written to OUT/data/mma-bench/DEVELOPER/MODEL. Exporting the same run again gives the same bytes.

    \b
    Examples:
      mma-bench export-run runs/cascade --out records
      mma-bench export-run runs/vllm --out records --developer Qwen --organization "My lab" --relationship third_party
    """
    from mma_bench.records.every_eval_ever import Publisher, export_run

    publisher = Publisher(
        organization=organization,
        relationship=relationship,  # type: ignore[arg-type]  # click checked it
        developer=developer,
        model_name=model_name,
        timestamp=timestamp,
    )
    exported = export_run(run, out, data=data, publisher=publisher)
    if exported.missing:
        click.echo(f"note: {exported.missing} questions of the run have no answer yet; they are not scored", err=True)
    click.echo(f"Record with {exported.samples} answers: {exported.path}")
