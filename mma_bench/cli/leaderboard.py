"""The command `mma-bench leaderboard`."""

from pathlib import Path

import click


@click.command()
@click.argument(
    "folders", nargs=-1, required=True, metavar="RUNS...", type=click.Path(path_type=Path, file_okay=False, exists=True)
)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder for the page.")
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False),
    multiple=True,
    help="Dataset folder, if it has moved since the runs; repeatable.",
)
def leaderboard(folders: tuple[Path, ...], out: Path, data: tuple[Path, ...]) -> None:
    """Write a sortable page of all runs in the given folders.

    Stored answers are re-scored; no model is called. Runs share a table only if they answered the same questions: same
    data, split, protocol and selection. Unfinished runs, and runs that cannot be scored, are listed with the reason.

    \b
    Examples:
      mma-bench leaderboard runs --out leaderboard
      mma-bench leaderboard runs --out leaderboard --data /media/disk/mma-bench
    """
    from mma_bench.report.leaderboard.write import write_leaderboard

    page, boards, left_out = write_leaderboard(folders, out, data=data)
    for board in boards:
        click.echo(f"{len(board.runs)} runs on {board.title}")
    for folder, reason in left_out:
        click.echo(f"left out: {folder}: {reason}")
    click.echo(f"Leaderboard: {page}")
