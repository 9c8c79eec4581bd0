"""The probe's result in the folder of a run, next to `run.json`."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from mma_bench.errors import MMABenchError
from mma_bench.files.atomic import write_json
from mma_bench.probe.findings import Probe

_FILE = "probe.json"


def record_probe(run: Path, found: Probe) -> None:
    """Store ``found`` with the run."""
    # Answers may contain half of a surrogate pair, which UTF-8 cannot encode.
    shown = found.changed(findings=[f.changed(answers=_encodable(f.answers)) for f in found.findings])
    write_json(run / _FILE, shown.model_dump(mode="json"))


def read_probe(run: Path) -> Probe | None:
    """Return the stored result, or None if the model takes no media or the run is older than the probe.

    Raises:
        MMABenchError: the file is damaged.
    """
    path = run / _FILE
    if not path.is_file():
        return None
    try:
        return Probe.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise MMABenchError(f"{path} cannot be read by this version; evaluate again") from error


def _encodable(answers: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    return {
        name: [text.encode("utf-8", errors="backslashreplace").decode("utf-8") for text in said]
        for name, said in answers.items()
    }
