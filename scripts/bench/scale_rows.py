"""Rows of the table from the output of `scripts/bench/scale.py`, on standard input.

python scripts/bench/scale.py --rows 10000 | python scripts/bench/scale_rows.py --json rows.json
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from scripts.bench.result import Result, save  # noqa: E402
from scripts.bench.scale import HEADER  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, required=True, help="file for the rows")
    options = parser.parse_args()
    text = sys.stdin.read()
    print(text)
    _, found, table = text.partition(HEADER)
    if not found:
        raise SystemExit(f"scale.py printed no table with the columns {HEADER}")
    results = []
    for line in table.strip().splitlines()[1:]:
        if not line.startswith("|"):
            break
        rows, _, _, _, worst, second, peak = (cell.strip() for cell in line.strip("|").split("|"))
        limit = f"limit 0.3; second run {second} s (limit 20), largest process {peak} GiB (limit 2)"
        compared = f"own ms per clip of the worst stage, {rows} rows"
        results.append(Result.value("scale", compared, [float(worst)], "processor", limit))
    save(options.json, results)


if __name__ == "__main__":
    main()
