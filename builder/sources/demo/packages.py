"""Fetch photos and audio from Debian packages, by the name of the package.

`apt-get` finds and checks the package. What is ultimately trusted is the SHA-256 of each media file in the catalogue,
because distributions have different versions of a package.
"""

import shutil
import subprocess
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from os import environ, geteuid
from pathlib import Path

from builder.sources.demo.catalogue import DemoClip, MediaFile, load_catalogue
from builder.sources.demo.qt_resources import QtResourceArchive
from mma_bench.errors import MMABenchError
from mma_bench.files.atomic import write_bytes
from mma_bench.files.hashing import sha256_bytes, sha256_file
from mma_bench.files.lock import open_locked

_TIMEOUT_SECONDS = 1800  # 44 MB at 25 kB/s
_SCRATCH_PREFIX = ".fetch-"


def missing_media(clips: Sequence[DemoClip], cache: Path) -> list[MediaFile]:
    """Return the photos and audio files of ``clips`` that ``cache`` does not contain with the right content."""
    files = sorted({file for clip in clips for file in (clip.image, clip.audio)}, key=str)
    return [file for file in files if not _is_intact(file.location(cache), file.sha256)]


def fetch_media(cache: Path, *, report: Callable[[str], None]) -> None:
    """Download the missing media of the catalogue.

    A file gets its final name only when it is complete and has the right hash, so a kill leaves no invalid files. A
    file whose content differs from the catalogue, and a package that is not available, are reported and left out; the
    clips that need them cannot be rendered.

    Args:
        cache: folder of downloads, see `mma_bench.files.cache.cache_folder`.
        report: called with one line per step and per problem.

    Raises:
        MMABenchError: no clip can be rendered, or the cache cannot be written.
    """
    clips = load_catalogue().clips
    if not missing_media(clips, cache):
        return
    try:
        folder = cache / "demo-media"
        folder.mkdir(parents=True, exist_ok=True)
        with _exclusive(folder):
            problems = _fetch_packages(missing_media(clips, cache), cache, folder, report)
    except OSError as error:
        raise MMABenchError(
            f"cannot keep the demo media in {cache}: {error}; free space or set MMA_BENCH_CACHE"
        ) from error
    for problem in problems:
        report(problem)
    ready = sum(not missing_media([clip], cache) for clip in clips)
    if problems and not ready:
        raise MMABenchError(f"no demo clip can be made: {problems[0]}")
    report(f"demo media ready: {ready} of {len(clips)} clips")


def _fetch_packages(missing: list[MediaFile], cache: Path, folder: Path, report: Callable[[str], None]) -> list[str]:
    """Fetch ``missing`` package by package; return one line per problem."""
    absent = [program for program in ("apt-get", "dpkg-deb") if shutil.which(program) is None]
    if absent:
        return [f"`{absent[0]}` is not installed: the demo media come from packages of Debian or Ubuntu; run there"]
    wanted: dict[str, list[MediaFile]] = defaultdict(list)
    for file in missing:
        wanted[file.package].append(file)
    problems: list[str] = []
    for package, files in wanted.items():
        report(f"fetching {len(files)} photos and sounds from the Debian package {package}")
        with tempfile.TemporaryDirectory(dir=folder, prefix=_SCRATCH_PREFIX) as scratch:
            try:
                tree = _unpack_package(package, Path(scratch), report)
            except MMABenchError as error:
                problems.append(str(error))
                continue
            problems += _keep(files, tree, cache)
    return problems


def _unpack_package(package: str, scratch: Path, report: Callable[[str], None]) -> Path:
    """Download a package into ``scratch``, unpack it there, return the folder of its files."""
    download = ["apt-get", "download", "--quiet", "-o", "Acquire::Retries=3", package]
    trouble = _run(download, scratch)
    if trouble and geteuid() == 0:  # a fresh container has no package lists
        report("refreshing the package lists (apt-get update)")
        trouble = _run(["apt-get", "update", "--quiet", "-o", "Acquire::Retries=3"], scratch) or _run(download, scratch)
    archive = next(scratch.glob("*.deb"), None)
    if trouble or archive is None:
        advice = (
            "check the network, and that this distribution has it"
            if geteuid() == 0
            else "run `sudo apt-get update`, then the same command again"
        )
        raise MMABenchError(f"cannot download the Debian package {package} ({trouble or 'no file came'}); {advice}")
    tree = scratch / "tree"
    trouble = _run(["dpkg-deb", "--extract", str(archive), str(tree)], scratch)
    if trouble:
        raise MMABenchError(f"cannot unpack the Debian package {package} ({trouble}); free space or fetch it again")
    return tree


def _keep(files: list[MediaFile], tree: Path, cache: Path) -> list[str]:
    """Copy the media with the right hash from the unpacked package to the cache; return the problems."""
    problems: list[str] = []
    archives: dict[str, QtResourceArchive] = {}
    for file in files:
        try:
            if file.member is None:
                content = (tree / file.path).read_bytes()
            else:
                if file.path not in archives:
                    archives[file.path] = QtResourceArchive(tree / file.path)
                content = archives[file.path].read(file.member)
        except OSError as error:
            problems.append(f"{file} is not in this version of the package ({error.strerror}); its clips are left out")
            continue
        except MMABenchError as error:
            problems.append(f"{file}: {error}")
            continue
        found = sha256_bytes(content)
        if found != file.sha256:
            problems.append(f"{file} has SHA-256 {found}, not {file.sha256}: another version; its clips are left out")
            continue
        write_bytes(file.location(cache), content)
    return problems


def _run(command: list[str], folder: Path) -> str:
    """Run a command in ``folder``; return "" or one line that describes the failure."""
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**environ, "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"`{' '.join(command[:2])}` took more than {_TIMEOUT_SECONDS} s"
    if done.returncode == 0:
        return ""
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("E:")] or lines
    return errors[0] if errors else f"`{' '.join(command[:2])}` ended with status {done.returncode}"


def _is_intact(path: Path, sha256: str) -> bool:
    try:
        return sha256_file(path) == sha256
    except OSError:
        return False


@contextmanager
def _exclusive(folder: Path) -> Iterator[None]:
    """Let one process at a time fetch into ``folder``, and remove what a killed one left there."""
    with open_locked(folder / ".lock"):
        for left in folder.glob(f"{_SCRATCH_PREFIX}*"):
            shutil.rmtree(left, ignore_errors=True)
        yield
