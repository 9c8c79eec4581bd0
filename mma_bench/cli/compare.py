"""The command `mma-bench compare`."""

import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from mma_bench.evaluation.comparison import Comparison

_FOLDER = click.Path(path_type=Path, file_okay=False, exists=True)
_DATA = click.Path(path_type=Path, file_okay=False)
_SHOWN = 10


@click.command()
@click.argument("first", type=_FOLDER)
@click.argument("second", type=_FOLDER)
@click.option("--data", type=_DATA, help="Dataset folder, if it has moved since the runs.")
@click.option("--out", type=_DATA, help="Folder for comparison.json, differences.csv and flips.csv.")
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON.")
def compare_command(first: Path, second: Path, data: Path | None, out: Path | None, as_json: bool) -> None:
    """Compare two runs question by question: paired tests, corrected for multiple comparisons, and flipped answers.

    Accuracies are the headline accuracies of the runs' reports: the protocol's headline wordings and average.

    \b
    Examples:
      mma-bench compare runs/base runs/tuned
      mma-bench compare runs/base runs/tuned --out comparison
    """
    from mma_bench.evaluation.comparison import Flip, compare
    from mma_bench.files.atomic import write_text
    from mma_bench.files.text import csv_text

    comparison = compare(first, second, data)
    # ASCII only: an answer may hold half of a surrogate pair, which UTF-8 cannot carry.
    document = json.dumps(_finite(comparison.to_json()), indent=2) + "\n"
    if out:
        write_text(out / "comparison.json", document)
        write_text(out / "differences.csv", _differences_csv(comparison))
        columns = [field.name for field in fields(Flip)]
        write_text(out / "flips.csv", csv_text(columns, [[*asdict(flip).values()] for flip in comparison.flips]))
    click.echo(document if as_json else _text(comparison, first, second), nl=not as_json)


def _text(comparison: "Comparison", first: Path, second: Path) -> str:
    tests = len(comparison.differences)
    over = "questions (micro)" if comparison.average == "micro" else "classes (macro)"
    lines = [
        f"{second} against {first}: accuracy in %, mean over {over} and over {', '.join(comparison.variants)}",
        *_layouts(comparison),
        f"p by McNemar's test over questions, after Holm's correction over all {tests} rows; * below 0.05",
    ]
    head = ("condition", "asked", "pairs", "first", "second", "difference [95%]", "lost", "gained", "p")
    lines.append("{:<22} {:<7} {:>6} {:>6} {:>6}  {:<22} {:>5} {:>6}  {}".format(*head))
    for row in comparison.differences:
        change = row.difference
        interval = f"{100 * change.value:+5.1f} [{100 * change.low:+.1f}, {100 * change.high:+.1f}]"
        lines.append(
            f"{row.condition:<22} {row.modality:<7} {row.pairs:>6} {100 * row.first.value:>6.1f} "
            f"{100 * row.second.value:>6.1f}  {interval:<22} {row.lost:>5} {row.gained:>6}  "
            f"{row.p_adjusted:.3g}{'*' if row.significant else ''}"
            f"{'' if row.answerable else '  modality removed: these are hallucinations'}"
        )
    for run, folder in ((comparison.first, first), (comparison.second, second)):
        lines += [f"note: {folder}: {note}" for note in run.notes]
    lines.append(f"{len(comparison.flips)} answers flipped{_first_few(comparison)}")
    return "\n".join(lines)


def _layouts(comparison: "Comparison") -> list[str]:
    """Return a line that names the layouts, if they differ."""
    from mma_bench.evaluation.topology import topology_of

    runs = (comparison.second, comparison.first)
    second, first = (topology_of(run.run.model_fingerprint) for run in runs)
    return [] if second == first else [f"layout: {second or 'none'} against {first or 'none'}"]


def _first_few(comparison: "Comparison") -> str:
    if not comparison.flips:
        return ""
    shown = [
        f"\n  {flip.question_id}: {_said(flip.first_label, flip.first_outcome)} -> "
        f"{_said(flip.second_label, flip.second_outcome)}, "
        f"{'right is' if flip.answerable else 'removed was'} {flip.answer}"
        for flip in comparison.flips[:_SHOWN]
    ]
    left = len(comparison.flips) - len(shown)
    return f":{''.join(shown)}" + (f"\n  and {left} more; --out writes them all" if left > 0 else "")


def _said(label: str | None, outcome: str) -> str:
    return label or outcome


def _differences_csv(comparison: "Comparison") -> str:
    from mma_bench.files.text import csv_text

    rows = []
    for difference in comparison.differences:
        values = asdict(difference)
        flat: dict[str, Any] = {}
        for name, value in values.items():
            if isinstance(value, dict):
                flat.update({name: value["value"], f"{name}_low": value["low"], f"{name}_high": value["high"]})
            else:
                flat[name] = value
        rows.append(flat)
    return csv_text(list(rows[0]), [list(row.values()) for row in rows])


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and value != value else value  # noqa: PLR0124  (NaN is no JSON)
