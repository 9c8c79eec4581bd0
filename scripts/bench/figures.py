"""Rows of figures on disk: each is kept as soon as it is measured, whatever happens to the next."""

import json
from pathlib import Path
from typing import Any


class Figures:
    """Rows that a check has measured.

    Args:
        path: JSON file that is rewritten with each row; None to keep nothing.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.rows: list[dict[str, Any]] = []

    def add(self, **row: Any) -> None:
        """Print a row and keep it."""
        self.rows.append(row)
        print(
            ", ".join(
                f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}" for name, value in row.items()
            ),
            flush=True,
        )
        if self._path:
            partial = self._path.with_suffix(".partial")
            partial.write_text(json.dumps(self.rows), encoding="utf-8")
            partial.replace(self._path)
