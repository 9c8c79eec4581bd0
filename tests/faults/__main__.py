"""The long form of the trials: `python -m tests.faults --out FOLDER`. Hours on two cores; any part can be left out.

It prints a row for each trial as it ends, and writes `faults.md` and `faults.json` into the folder. Exit code 1 if
anything was lost, half-written or unbounded. The trials of full and read-only disks need the right to mount a file
system; without it they are left out, and the table says so.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from tests.conftest import ROOT, run_builder, run_command
from tests.faults import targets
from tests.faults.disks import disk_trial, may_mount, removal_trial, twice_trial
from tests.faults.hub import upload_trial
from tests.faults.kills import KillTrial, Target, kill_trial
from tests.faults.long_media import hours_trial
from tests.faults.media import LARGEST, media_trial
from tests.faults.reviews import review_trial
from tests.models.endpoint_server import serve

_SIZES = ("0", "4000", "20000", "60000", "200000", "500000", "1000000")


_SUITES = {
    "hostile datasets": (
        "tests/streaming/test_hostile.py",
        "tests/dataset",
        "tests/builder/package/test_hostile_card.py",
    ),
    "hostile documents": ("tests/files/test_hostile_documents.py", "tests/faults/test_fuzz.py"),
    "misbehaving servers": (
        "tests/models/test_endpoint_failures.py",
        "tests/models/test_endpoint_forms.py",
        "tests/models/test_endpoint_interruption.py",
        "tests/models/test_endpoint_key.py",
        "tests/models/test_endpoint_thinking.py",
    ),
}
"""Trials that are tests: paths by what they try."""


@dataclass
class Row:
    """A line of the table."""

    trial: str
    tried: str
    wrong: list[str]
    measured: str = ""


class Table:
    """What was tried so far, on the console and in the folder."""

    def __init__(self, out: Path) -> None:
        self.out = out
        self.rows: list[Row] = []

    def add(self, row: Row) -> None:
        """Print and keep a row."""
        self.rows.append(row)
        print(f"{row.trial}: {row.tried}; {row.measured or '-'}; wrong: {row.wrong or 'nothing'}", flush=True)
        lines = ["| trial | tried | measured | lost, half-written or unbounded |", "|---|---|---|---|"]
        lines += [f"| {r.trial} | {r.tried} | {r.measured} | {'; '.join(r.wrong) or 'nothing'} |" for r in self.rows]
        (self.out / "faults.md").write_text("\n".join(lines) + "\n")
        (self.out / "faults.json").write_text(json.dumps([vars(r) for r in self.rows], indent=2) + "\n")

    def attempt(self, name: str, trial: Callable[[], Row]) -> None:
        """Add what ``trial`` returns, or that it failed; the others still run."""
        try:
            self.add(trial())
        except Exception as error:  # a trial that breaks must not hide the others
            self.add(Row(name, "stopped", [f"{type(error).__name__}: {error}"]))


def media_row(folder: Path, files: int, seed: int) -> Row:
    found = media_trial(folder, files, seed)
    wrong = [f"{name}: neither kept nor dropped with a reason" for name in found.unaccounted]
    wrong += [f"the canary was called: {call}" for call in found.calls]
    if found.outcome.code not in (0, 2) or "Traceback" in found.outcome.said:
        wrong.append(f"the build ended with {found.outcome.code}: {found.outcome.said[-300:]}")
    if found.outcome.memory > LARGEST:
        wrong.append(f"a process took {found.outcome.memory / 2**30:.1f} GiB")
    if internal := found.reasons.get("internal_error"):
        wrong.append(f"{internal} clips fail in a way that nobody foresaw (internal_error)")
    reasons = ", ".join(f"{count} {name}" for name, count in found.reasons.items())
    measured = f"{found.kept} kept; {reasons}; {found.outcome.seconds:.0f} s; {found.outcome.memory >> 20} MiB at most"
    return Row("damaged and hostile media", f"{found.files} files", wrong, measured)


def hours_row(folder: Path, hours: float) -> Row:
    found = hours_trial(folder, hours)
    wrong = [] if found.outcome.code == 0 else [f"ended with {found.outcome.code}: {found.outcome.said[-300:]}"]
    if found.kept + sum(found.reasons.values()) != found.clips and not wrong:
        wrong.append("clips are missing from the manifest")
    measured = f"{found.kept} of {found.clips} clips kept; {found.outcome.seconds:.0f} s; "
    measured += f"{found.outcome.memory >> 20} MiB at most in one process"
    return Row("hours of media in one build", f"{found.hours:g} hours", wrong, measured)


def kill_row(found: KillTrial) -> Row:
    measured = f"{found.seconds:.1f} s undisturbed"
    return Row(f"kills: {found.name}", f"{found.kills} kills in {found.runs} runs", found.wrong, measured)


def suite_row(folder: Path, what: str, paths: Sequence[str]) -> Row:
    """Run tests that need no hours, so that the table says how many cases of theirs were tried."""
    folder.mkdir(parents=True, exist_ok=True)
    report = folder / "junit.xml"
    command = [sys.executable, "-m", "pytest", "-q", "-m", "not slow", f"--junit-xml={report}", *paths]
    code = subprocess.run(command, cwd=ROOT, check=False, capture_output=True).returncode
    cases = ElementTree.parse(report).getroot().iter("testcase")
    outcomes = [(f"{case.get('classname')}::{case.get('name')}", {child.tag for child in case}) for case in cases]
    wrong = [name for name, tags in outcomes if tags & {"failure", "error"}]
    if code != 0 and not wrong:
        wrong.append(f"pytest ended with {code}")
    ran = sum("skipped" not in tags for _, tags in outcomes)
    return Row(what, f"{ran} cases", wrong, ", ".join(paths))


def disk_row(target: Target, folder: Path) -> Row:
    whole = folder / "whole"
    whole.mkdir(parents=True)
    target.prepare(whole)
    seconds = kill_trial(target, 0, folder / "timing").seconds
    expected = target.results(folder / "timing" / "undisturbed")
    trials = [removal_trial(target, folder / str(part), part * seconds) for part in (0.3, 0.6, 0.9)]
    trials.append(twice_trial(target, folder, expected))
    tried = "3 removals of the folder, 2 at once"
    if may_mount():
        trials.append(disk_trial(target, folder, expected, _SIZES))
        tried += f", {trials[-1].trials} runs on a disk that is full, then large enough, then read-only, then writable"
    else:
        tried += " (no right to mount a disk: full and read-only ones left out)"
    return Row(f"disks: {target.name}", tried, [wrong for trial in trials for wrong in trial.wrong])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for the table")
    parser.add_argument("--files", type=int, default=300, help="damaged and hostile media files")
    parser.add_argument("--hours", type=float, default=10.0, help="hours of media in one build; 0 leaves it out")
    parser.add_argument("--kills", type=int, default=56, help="kills, shared among eight commands; 0 leaves them out")
    parser.add_argument("--no-disks", action="store_true", help="leave out full, read-only and removed disks")
    parser.add_argument("--no-suites", action="store_true", help="leave out hostile datasets, documents and servers")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    os.environ["HF_HUB_OFFLINE"] = "1"
    table = Table(given.out)
    work = Path(tempfile.mkdtemp(prefix="faults-"))
    try:
        run_all(table, work, given)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    print(f"{platform.platform()}, {os.cpu_count()} cores. Table: {given.out / 'faults.md'}")
    return 1 if any(row.wrong for row in table.rows) else 0


def run_all(table: Table, work: Path, given: argparse.Namespace) -> None:
    """Run every trial that was asked for, the quick ones first."""
    config = targets.small_source(work / "source")
    data = work / "mma-bench"
    run_builder("run", "--config", str(config), "--work", str(work / "work"), "--out", str(data))
    with serve() as server:
        server.behaviour.delay = 0.05
        evaluation = targets.evaluation(data, server.openai)
        commands = [targets.build(config), evaluation, targets.exporting(data), targets.tuning(data)]
        run = work / "run"
        run_command(sys.executable, "-m", *evaluation.arguments(work))
        commands += [targets.rescoring(run, data), targets.reporting(run, data)]
        each = -(-given.kills // 8)
        if given.kills:
            table.attempt("review", lambda: kill_row(review_trial(each, work / "decisions", given.seed)))
            table.attempt("upload", lambda: kill_row(upload_trial(data, each, work / "uploads", given.seed)))
        for number, command in enumerate(commands if given.kills else []):
            folder = work / f"kills{number}"
            table.attempt(command.name, lambda c=command, f=folder: kill_row(kill_trial(c, each, f, given.seed)))  # type: ignore[misc]
        for number, command in enumerate([] if given.no_disks else commands):
            table.attempt(command.name, lambda c=command, f=work / f"disks{number}": disk_row(c, f))  # type: ignore[misc]
    for what, paths in ({} if given.no_suites else _SUITES).items():
        table.attempt(what, lambda w=what, p=paths: suite_row(work / w, w, p))  # type: ignore[misc]
    if given.files:
        table.attempt("media", lambda: media_row(work / "media", given.files, given.seed))
    if given.hours:
        table.attempt("hours", lambda: hours_row(work / "hours", given.hours))


if __name__ == "__main__":
    sys.exit(main())
