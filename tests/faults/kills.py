"""Commands that are killed at random moments and run again: nothing is half-written, and the end is that of no kill."""

import contextlib
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.conftest import ROOT, tree

LONGEST = 1800.0
"""Seconds after which a command counts as hung."""

Files = Callable[[Path], dict[str, str]]
"""Returns the results in a folder by name, as hashes; nothing where there is none yet."""


@dataclass(frozen=True)
class Target:
    """A command to kill.

    Attributes:
        name: what it does.
        arguments: of `python -m`, given the folder of the trial.
        results: what it leaves behind; between kills this must be nothing, or the whole.
        prepare: makes the folder ready, once.
        environment: more variables, given the folder.
        whole: whether the results appear at once; those of a command that appends must never shrink.
    """

    name: str
    arguments: Callable[[Path], Sequence[str]]
    results: Files
    prepare: Callable[[Path], object] = lambda folder: None
    environment: Callable[[Path], Mapping[str, str]] = lambda folder: {}
    whole: bool = True


@dataclass
class KillTrial:
    """What a series of kills did: how many hit a running command, and what was wrong afterwards."""

    name: str
    kills: int = 0
    runs: int = 0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)


def kill_trial(target: Target, kills: int, folder: Path, seed: int = 0) -> KillTrial:
    """Run ``target`` undisturbed, then kill it ``kills`` times in folders of which each is resumed to its end.

    About every third kill begins a new folder; the others hit a run that was killed before.
    """
    found = KillTrial(target.name)
    whole = folder / "undisturbed"
    prepared(target, whole)
    begin = time.monotonic()
    code, said = finish(target, whole)
    found.seconds = time.monotonic() - begin
    if code != 0:
        found.wrong.append(f"fails undisturbed: {said[-500:]}")
        return found
    expected = target.results(whole)
    draw = random.Random(f"{seed}/{target.name}")
    number = 0
    while found.kills < kills and found.runs < 4 * kills:
        trial = folder / f"trial{number}"
        prepared(target, trial)
        for _ in range(draw.randint(1, 4)):
            found.runs += 1
            before = target.results(trial)
            begin = time.monotonic()
            killed = kill(target, trial, draw.uniform(0.1, 1.0) * found.seconds)
            found.kills += killed
            if not killed and not before:  # the first run of all took longer, as nothing was warm
                found.seconds = min(found.seconds, time.monotonic() - begin)
            # What was being written when the kill came may lie there, until the command is run again.
            left = {n: digest for n, digest in target.results(trial).items() if not Path(n).name.startswith(".tmp-")}
            if target.whole and left and left != expected:
                found.wrong.append(f"{trial.name}: after a kill the results are neither absent nor complete")
            if not target.whole and (lost := before.items() - left.items()):
                found.wrong.append(f"{trial.name}: a kill lost {len(lost)} of {len(before)} results")
            if found.kills == kills or not killed or (target.whole and left == expected):
                break  # a command whose results are there may refuse to make them again
        if not (target.whole and target.results(trial) == expected):
            found.wrong += _resumed(target, trial, expected)
        shutil.rmtree(trial, ignore_errors=True)
        number += 1
    return found


def _resumed(target: Target, trial: Path, expected: dict[str, str]) -> list[str]:
    """Finish a run that was killed; return what is wrong then."""
    code, said = finish(target, trial)
    if code != 0:
        return [f"{trial.name}: does not resume: {said[-500:]}"]
    ended = target.results(trial)
    differ = sorted(name for name in {*ended, *expected} if ended.get(name) != expected.get(name))
    return [f"{trial.name}: ends in other results: {differ[:3]}"] if differ else []


def prepared(target: Target, folder: Path) -> None:
    """Make a new folder ready for ``target``."""
    folder.mkdir(parents=True)
    target.prepare(folder)


def start(target: Target, folder: Path, log: Path) -> subprocess.Popen[bytes]:
    """Start ``target`` in a session of its own, with standard error in the file ``log``."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **target.environment(folder)}
    with open(log, "wb") as said:
        return subprocess.Popen(
            [sys.executable, "-m", *target.arguments(folder)],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=said,
            start_new_session=True,
        )


def finish(target: Target, folder: Path, log: Path | None = None) -> tuple[int, str]:
    """Run to the end; return the exit code and standard error, which goes to ``log``, by default next to ``folder``."""
    log = log or folder.parent / f"{folder.name}.log"
    code = start(target, folder, log).wait(LONGEST)
    return code, log.read_text("utf-8", errors="replace")


def kill(target: Target, folder: Path, after: float) -> bool:
    """Start and kill after some seconds; return whether it still ran then."""
    process = start(target, folder, folder.parent / f"{folder.name}.log")
    try:
        process.wait(after)
    except subprocess.TimeoutExpired:
        # SIGKILL to the first process alone, as the kernel does when memory runs out; its children must follow.
        process.send_signal(signal.SIGKILL)
        process.wait()
        _wait_for_children(process.pid)
        return True
    return False


def _wait_for_children(session: int) -> None:
    """Wait until no process of the session is left, for ten seconds at most, and then kill them."""
    for _ in range(100):
        try:
            os.killpg(session, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(session, signal.SIGKILL)


def files_of(name: str, *, without: Sequence[str] = ()) -> Files:
    """Return the hashes of the files below a folder of the trial, nothing while it is absent."""

    def found(folder: Path) -> dict[str, str]:
        if not (folder / name).exists():
            return {}
        return {path: digest for path, digest in tree(folder / name).items() if path not in without}

    return found


def answers_of(name: str) -> Files:
    """Return what a run's questions were answered with; times of answers differ between runs."""

    def found(folder: Path) -> dict[str, str]:
        path = folder / name / "answers.jsonl"
        if not path.exists():
            return {}
        rows = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.endswith("}")]
        return {row["question_id"]: hashlib.sha256(str(row["text"]).encode()).hexdigest() for row in rows}

    return found
