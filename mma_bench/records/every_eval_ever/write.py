"""Write the two records of a run where the data store of Every Eval Ever expects them."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mma_bench.errors import MMABenchError
from mma_bench.evaluation.rescoring import Rescored, rescore
from mma_bench.files.atomic import atomic_path, write_bytes
from mma_bench.files.hashing import sha256_bytes, sha256_file, sha256_json
from mma_bench.parsing import PARSER_VERSION
from mma_bench.records.columns import encodable
from mma_bench.records.every_eval_ever.aggregate import dataset_record, library_record, model_record, results_records
from mma_bench.records.every_eval_ever.identity import Identity, identify
from mma_bench.records.every_eval_ever.samples import sample_lines

SCHEMA_VERSION = "0.3.0"

COLLECTION = "mma-bench"

Relationship = Literal["first_party", "third_party", "collaborative", "other"]


@dataclass(frozen=True)
class Publisher:
    """Who publishes the record. None of it can be read off a run.

    Attributes:
        organization: who ran the evaluation.
        relationship: of who ran the evaluation to who made the model.
        developer: who made the model, where its name does not tell.
        model_name: what to call the model, if not by its own name.
        timestamp: when the record was made, seconds since 1970; by default when the last answer was stored.
    """

    organization: str = "unspecified"
    relationship: Relationship = "other"
    developer: str | None = None
    model_name: str | None = None
    timestamp: int | None = None


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        path: the aggregate file.
        samples: how many answers the file next to it holds.
        missing: how many answers the run still lacks; they count in no result.
    """

    path: Path
    samples: int
    missing: int


def export_run(
    run: str | Path, out: str | Path, *, data: str | Path | None = None, publisher: Publisher | None = None
) -> Exported:
    """Write a run as records of Every Eval Ever.

    The files are `OUT/data/mma-bench/DEVELOPER/MODEL/UUID.json` and `UUID_samples.jsonl`. The same run gives the same
    bytes: the UUID is derived from the run and its answers.

    Args:
        run: folder of a run.
        out: folder to write to. Records of other runs that it holds are kept.
        data: the dataset, if it is not where the run says.
        publisher: what only the caller knows.

    Raises:
        MMABenchError: the run cannot be scored, the model's developer is not known, ``out`` is not a folder of records,
            or it holds another record of the same run.
    """
    folder, target, publisher = Path(run), Path(out), publisher or Publisher()
    rescored = rescore(folder, None if data is None else Path(data))
    identity = identify(rescored.run, publisher.developer, publisher.model_name)
    _check_target(target)
    answers = folder / "answers.jsonl"
    number = _number(rescored, sha256_file(answers))
    stamp = str(int(answers.stat().st_mtime) if publisher.timestamp is None else publisher.timestamp)
    place = f"data/{COLLECTION}/{identity.developer}/{identity.name}"
    head = _head(rescored, identity, stamp)
    about = _about(rescored, identity, publisher, stamp, str(data or rescored.run.data))
    samples, aggregate = target / place / f"{number}_samples.jsonl", target / place / f"{number}.json"
    with atomic_path(samples) as temporary:
        rows = _write_lines(temporary, sample_lines(rescored, head))
        checksum = sha256_file(temporary)
        details = {"format": "jsonl", "file_path": f"{place}/{samples.name}", "hash_algorithm": "sha256"}
        about["detailed_evaluation_results"] = {**details, "checksum": checksum, "total_rows": rows}
        content = _json({**{name: value for name, value in head.items() if name != "model_id"}, **about})
        _check_same(samples, checksum)
        _check_same(aggregate, sha256_bytes(content))
    write_bytes(aggregate, content)  # last, so that the file it names is there
    return Exported(aggregate, rows, rescored.scores.missing)


def _write_lines(path: Path, lines: Iterator[str]) -> int:
    rows = 0
    with open(path, "w", encoding="ascii", newline="\n") as file:
        for line in lines:
            file.write(f"{line}\n")
            rows += 1
    return rows


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode("utf-8")


def _head(rescored: Rescored, identity: Identity, stamp: str) -> dict[str, str]:
    protocol = rescored.run.asked
    evaluation = f"{COLLECTION}-{protocol.name}-{protocol.version}"
    return {
        "schema_version": SCHEMA_VERSION,
        "evaluation_id": f"{evaluation}/{identity.id.replace('/', '_')}/{stamp}",
        "model_id": identity.id,
    }


def _about(rescored: Rescored, identity: Identity, publisher: Publisher, stamp: str, data: str) -> dict[str, Any]:
    return {
        "evaluation_timestamp": stamp,
        "retrieved_timestamp": stamp,
        "source_metadata": {
            "source_name": "MMA-Bench",
            "source_type": "evaluation_run",
            "source_organization_name": encodable(publisher.organization),
            "evaluator_relationship": publisher.relationship,
        },
        "eval_library": library_record(rescored),
        "model_info": model_record(rescored, identity),
        "evaluation_results": results_records(rescored, dataset_record(rescored, data), stamp),
    }


def _number(rescored: Rescored, answers_sha256: str) -> uuid.UUID:
    """Return a UUID of the version that the schema demands, from all that decides the record but who publishes it."""
    run = rescored.run
    identity = [run.model_dump(mode="json", exclude={"data"}), run.asked.sha256, answers_sha256, PARSER_VERSION]
    return uuid.UUID(bytes=bytes.fromhex(sha256_json([SCHEMA_VERSION, *identity]))[:16], version=4)


def _check_target(target: Path) -> None:
    if target.exists() and not target.is_dir():
        raise MMABenchError(f"{target} is a file; choose another --out")
    if target.is_dir() and any(target.iterdir()) and not (target / "data").is_dir():
        raise MMABenchError(f"{target} exists and is not a folder of records (it has no data/); choose another --out")


def _check_same(path: Path, sha256: str) -> None:
    if path.exists() and sha256_file(path) != sha256:
        raise MMABenchError(
            f"{path} is another record of the same run, such as one by another publisher; remove it or choose another "
            "--out"
        )
