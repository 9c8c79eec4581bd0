"""Tables as files."""

import json
from collections.abc import Sequence
from pathlib import Path

from mma_bench.files.atomic import write_text
from mma_bench.report.render.csv import table_csv
from mma_bench.report.render.latex import latex
from mma_bench.report.render.markdown import markdown
from mma_bench.report.table import Table


def write_tables(tables: Sequence[Table], folder: Path) -> None:
    """Write each table as LaTeX, Markdown, CSV and JSON, named after it."""
    for table in tables:
        write_text(folder / f"{table.name}.tex", latex(table))
        write_text(folder / f"{table.name}.md", markdown(table))
        write_text(folder / f"{table.name}.csv", table_csv(table))
        write_text(folder / f"{table.name}.json", json.dumps(table.to_json(), indent=1, sort_keys=True) + "\n")
