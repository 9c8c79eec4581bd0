"""A build of damaged and hostile files: every clip is kept or has its reason, and nothing is called or unbounded."""

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from builder.manifest_file import read_manifest
from tests.faults.canary import canary
from tests.faults.drawn import hostile, seeds
from tests.faults.mutator import Mutant, mutants
from tests.faults.watched import Outcome, watched

LARGEST = 3 << 30
"""Bytes that a process may hold: the limit of a decoder, see `builder.normalise.child.Limits`."""


@dataclass(frozen=True)
class MediaTrial:
    """What became of a corpus.

    Attributes:
        files: how many files went in.
        outcome: of the command.
        kept: clips that went through.
        reasons: how many were dropped, by reason.
        unaccounted: files that are neither kept nor have a reason.
        calls: requests that the canary got.
    """

    files: int
    outcome: Outcome
    kept: int
    reasons: dict[str, int]
    unaccounted: list[str]
    calls: list[str]


def corpus(folder: Path, count: int, seed: int, canary_url: str) -> list[Mutant]:
    """Write whole, damaged and hostile files and their clips.csv into ``folder``."""
    folder.mkdir(parents=True)
    whole = seeds(folder)
    wanted = hostile(folder, canary_url)
    files = [*mutants(whole, count - len(wanted), seed), *wanted]
    for file in files:
        (folder / file.name).write_bytes(file.content)
    labels = ("Bell", "Drum")
    with open(folder / "clips.csv", "w", newline="", encoding="utf-8") as table:
        rows = [[file.name, labels[number % 2], 0, 1] for number, file in enumerate(files)]
        rows += [[one.name, labels[number % 2], 0, 1] for number, one in enumerate(whole)]
        csv.writer(table).writerows([["file", "label", "start_seconds", "end_seconds"], *rows])
    return files


def media_trial(folder: Path, count: int, seed: int = 0, workers: int = 2) -> MediaTrial:
    """Build a corpus of ``count`` files up to the released clips."""
    with canary() as server:
        files = corpus(folder / "media", count, seed, server.url)
        config = folder / "config.yaml"
        config.write_text(
            f"source: {{kind: folder, csv: {folder / 'media' / 'clips.csv'}}}\n"
            "normalise: {size: 112, seconds: 1}\ncompare: {drop_leaks: false, drop_within_split: false}\n"
            f"executor: {{workers: {workers}}}\n"
        )
        command = ["builder", "run", "--config", str(config), "--work", str(folder / "work"), "--out"]
        outcome = watched([*command, str(folder / "out")], timeout=120 + 60 * count)
        return MediaTrial(len(files), outcome, *_outcomes(folder / "work", files), list(server.calls))


def _outcomes(work: Path, files: Sequence[Mutant]) -> tuple[int, dict[str, int], list[str]]:
    rows = {row.file: row for row in read_manifest(work / "release" / "manifest.parquet")}
    missing = [file.name for file in files if file.name not in rows]
    silent = [name for name, row in rows.items() if not row.kept and not row.reason]
    reasons = Counter(str(row.reason) for row in rows.values() if not row.kept)
    return sum(row.kept for row in rows.values()), dict(sorted(reasons.items())), missing + silent
