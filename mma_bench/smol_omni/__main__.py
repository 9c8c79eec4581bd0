"""`python -m mma_bench.smol_omni`: make the model."""

from pathlib import Path

import click

from mma_bench.console.group import Command
from mma_bench.smol_omni.settings import SmolOmniSettings

_EPILOG = """
Example: python -m mma_bench.smol_omni --out smol-omni --threads 2
"""


@click.group(
    cls=Command,
    invoke_without_command=True,
    subcommand_metavar="",
    epilog=_EPILOG,
    kept="the states of all stages in OUT/states",
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of the result.")
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of weights, clips and questions."
)
@click.option("--threads", type=click.IntRange(1), default=1, show_default=True, help="CPU threads.")
@click.option("--dry-run", is_flag=True, help="Check packages and folder, list the stages, then stop. Writes nothing.")
def main(out: Path, seed: int, threads: int, *, dry_run: bool) -> None:
    """Make smol-omni: SmolLM2 with video and audio, trained on procedural clips without conflicts.

    It writes OUT/base, a checkpoint that `mma-bench eval --model transformers:OUT/base` loads, and OUT/looks.md, what
    the model could do and whom it believed along the training. The same command resumes after an interruption.
    """
    from mma_bench.smol_omni.making import make, plan

    if dry_run:
        for line in plan(out, SmolOmniSettings(seed=seed)):
            click.echo(line)
        return
    make(out, SmolOmniSettings(seed=seed), threads, click.echo)


if __name__ == "__main__":
    main()
