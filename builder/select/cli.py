"""The commands `select` and `ontology`, to be added to the builder's command line."""

import json
from pathlib import Path

import click

_FILE = click.Path(path_type=Path, dir_okay=False)
_RULES = Path(__file__).parents[1] / "rules" / "mma_bench.yaml"


# Not in the docstrings: click needs a real backspace to keep these lines, which a raw docstring cannot contain.
_SELECT_EXAMPLES = """\b
Examples:
  python -m builder select --ontology ontology.json --segments eval_segments.csv \\
    --rules builder/rules/mma_bench.yaml --out candidates.parquet
  python -m builder select --preset official --out official.parquet
  python -m builder select --ontology ontology.json --rules mine.yaml --out train.parquet \\
    --segments balanced_train_segments.csv --segments unbalanced_train_segments.csv
"""
_ONTOLOGY_EXAMPLE = """\b
Example:
  python -m builder ontology --ontology ontology.json --segments eval_segments.csv \\
    --rules builder/rules/mma_bench.yaml --out ontology.html
"""


def _say(text: str) -> None:
    click.echo(text, err=True)


@click.command(epilog=_SELECT_EXAMPLES)
@click.option("--ontology", type=_FILE, help="AudioSet's ontology.json.")
@click.option("--segments", type=_FILE, multiple=True, help="Segment list in AudioSet's format; repeatable.")
@click.option(
    "--rules", type=_FILE, default=_RULES, show_default="builder/rules/mma_bench.yaml", help="YAML file with the rules."
)
@click.option("--out", type=_FILE, required=True, help="Parquet file to write.")
@click.option("--preset", type=click.Choice(["official"]), help="Select exactly the 658 published clips.")
@click.option("--skip-bad-rows", is_flag=True, help="Skip damaged rows, and list them as dropped.")
@click.option("--json", "as_json", is_flag=True, help="Print all counts as JSON.")
def select(
    ontology: Path | None,
    segments: tuple[Path, ...],
    rules: Path,
    out: Path,
    preset: str | None,
    skip_bad_rows: bool,
    as_json: bool,
) -> None:
    """Select candidate clips from AudioSet by their labels.

    Writes the candidates to OUT. Next to it, NAME.dropped.parquet lists every other row with its reason, and
    NAME.provenance.json contains counts and hashes.
    """
    from builder.select.selection import select as run_select
    from builder.select.summary import format_summary

    result = run_select(
        out,
        ontology_path=ontology,
        segment_paths=segments,
        rules_path=rules,
        official=preset == "official",
        skip_bad_rows=skip_bad_rows,
        report=_say,
    )
    if as_json:
        click.echo(json.dumps({"out": str(result.candidates), **result.summary.as_dict()}, indent=2))
        return
    click.echo(format_summary(result.summary))
    click.echo(f"Candidates: {result.candidates}\nDropped, with reasons: {result.dropped}")


@click.command(epilog=_ONTOLOGY_EXAMPLE)
@click.option("--ontology", "ontology_path", type=_FILE, required=True, help="AudioSet's ontology.json.")
@click.option("--segments", type=_FILE, multiple=True, help="Segment lists to count; repeatable.")
@click.option(
    "--rules", type=_FILE, default=_RULES, show_default="builder/rules/mma_bench.yaml", help="YAML file with the rules."
)
@click.option("--out", type=_FILE, required=True, help="HTML file to write.")
@click.option("--skip-bad-rows", is_flag=True, help="Skip damaged rows, and count them.")
@click.option("--json", "as_json", is_flag=True, help="Print the number of nodes by status as JSON.")
def ontology(
    ontology_path: Path, segments: tuple[Path, ...], rules: Path, out: Path, skip_bad_rows: bool, as_json: bool
) -> None:
    """Write a page that shows which classes of the ontology the rules keep, absorb or drop, and why.

    The page needs no network.
    """
    from builder.select.ontology_page import write_ontology_page

    nodes = write_ontology_page(
        out,
        ontology_path=ontology_path,
        rules_path=rules,
        segment_paths=segments,
        skip_bad_rows=skip_bad_rows,
        report=_say,
    )
    if as_json:
        click.echo(json.dumps({"out": str(out), "nodes": nodes}, indent=2))
        return
    click.echo(", ".join(f"{status} {count}" for status, count in nodes.items()))
    click.echo(f"Page: {out}")
