"""The numbers of a run as files."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from mma_bench.files.atomic import write_json, write_text
from mma_bench.interference.against import Difference, Other
from mma_bench.interference.published import published
from mma_bench.interference.results import Results, plain
from mma_bench.interference.run_head import PROTOCOL_FILE, RESULTS_FILE, Head


def results_json(
    head: Head, results: Results, other: Other | None, differences: Sequence[Difference]
) -> dict[str, Any]:
    """Return everything that `results.json` holds."""
    found = {
        **results.to_json(),
        "run": head.model_dump(mode="json"),
        "published": published().model_dump(mode="json"),
    }
    if other:
        found["against"] = {
            "label": other.label,
            "model": other.head.model,
            "differences": [plain(asdict(one)) for one in differences],
        }
    return found


def write_results(
    folder: Path, head: Head, results: Results, other: Other | None, differences: Sequence[Difference]
) -> None:
    """Write `results.json`, and the protocol as a file for `--protocol`."""
    protocol = yaml.safe_dump(head.protocol.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    write_text(folder / PROTOCOL_FILE, protocol)
    write_json(folder / RESULTS_FILE, results_json(head, results, other, differences))
