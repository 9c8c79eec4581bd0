"""The table of all benches, from the rows that they wrote.

    python scripts/bench/table.py FOLDER NAME...      (called by scripts/bench/run.sh)

`FOLDER` has for each name a file `NAME.json` with its rows, `NAME.skipped` with the reason, or `NAME.log` of a failure.
Ends with exit code 1 if a bench failed.
"""

import argparse
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from scripts.bench.result import Result  # noqa: E402

COLUMNS = "| bench | compared | median [middle half] | by | limit or aim | turns | load |"


def rows_of(folder: Path, name: str) -> tuple[list[str], bool]:
    """Return the lines of a bench, and whether it failed."""
    if (skipped := folder / f"{name}.skipped").exists():
        return [f"| {name} | skipped: {skipped.read_text(encoding='utf-8').strip()} | | | | | |"], False
    if (found := folder / f"{name}.json").exists():
        return [line(Result(**row)) for row in json.loads(found.read_text(encoding="utf-8"))], False
    log = folder / f"{name}.log"
    said = log.read_text(encoding="utf-8", errors="replace").split("\n") if log.exists() else []
    last = next((text for text in reversed(said) if text.strip()), "no output")
    last = last.rsplit("\r", 1)[-1].replace("|", "/")[:160]
    return [f"| {name} | FAILED: {last} | | | | | |"], True


def line(row: Result) -> str:
    """Return a row in Markdown."""
    spread = f"{row.middle:.3g}" if row.turns == 1 else f"{row.middle:.3g} [{row.low:.3g}, {row.high:.3g}]"
    cells = (row.bench, row.compared, spread, row.by, row.limit, str(row.turns), f"{row.load:.1f}")
    return f"| {' | '.join(cells)} |"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="+")
    options = parser.parse_args()
    print(COLUMNS)
    print("|---" * COLUMNS.count(" |") + "|")
    failed = []
    for name in options.names:
        lines, has_failed = rows_of(options.folder, name)
        print("\n".join(lines))
        failed += [name] if has_failed else []
    if failed:
        print(f"\nfailed: {', '.join(failed)}; their output is in {options.folder}/NAME.log", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
