"""Groups of classes, such as animals: the file `metadata/super_classes.json` of a dataset."""

from pathlib import Path

from pydantic import TypeAdapter

from mma_bench.errors import MMABenchError
from mma_bench.files.documents import parse_json
from mma_bench.files.regular import read_inside

SUPER_CLASSES = "metadata/super_classes.json"


def read_super_classes(folder: Path) -> dict[str, str]:
    """Return the super-class of each class of the dataset in ``folder``; empty if it knows none.

    Raises:
        MMABenchError: the file is no such mapping.
    """
    try:
        return TypeAdapter(dict[str, str]).validate_python(parse_json(read_inside(folder, SUPER_CLASSES)))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        path = folder / SUPER_CLASSES
        raise MMABenchError(f"{path} gives no super-class of each class; build or download it again") from error
