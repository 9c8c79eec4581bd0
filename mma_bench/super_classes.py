"""Groups of classes, such as animals: the file `metadata/super_classes.json` of a dataset."""

import json
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from mma_bench.errors import MMABenchError

SUPER_CLASSES = "metadata/super_classes.json"


def read_super_classes(folder: Path) -> dict[str, str]:
    """Return the super-class of each class of the dataset in ``folder``; empty if it knows none.

    Raises:
        MMABenchError: the file is no such mapping.
    """
    path = folder / SUPER_CLASSES
    try:
        return TypeAdapter(dict[str, str]).validate_python(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, ValidationError, RecursionError) as error:
        raise MMABenchError(f"{path} gives no super-class of each class; build or download it again") from error
