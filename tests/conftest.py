"""Real media for all tests: the demo's clips, and the 15 real clips where `../shared` is at hand."""

import hashlib
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock
from hypothesis import settings as hypothesis_settings

from mma_bench import load
from tests import user_home
from tests.preloaded import run_module

if TYPE_CHECKING:
    from tests.models.endpoint_server import EndpointServer


def pytest_configure() -> None:
    """Leave the user's home before any library is imported that looks for its caches there; let Ctrl-C be Ctrl-C.

    A shell that starts the tests in the background has SIGINT ignored, and what they start would inherit that.
    """
    user_home.enter()
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the tests' home when the process that made it ends."""
    if not hasattr(config, "workerinput"):
        user_home.leave()


# The same examples on every run: a test that fails now and then teaches people to run it again.
hypothesis_settings.register_profile("repeatable", derandomize=True, deadline=None)
hypothesis_settings.load_profile("repeatable")

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"
SMALL = ("normalise.size=112", "normalise.seconds=3", "assemble.noise_letters=200")


def run_builder(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run `python -m builder` as a user does."""
    return run_command(sys.executable, "-m", "builder", *arguments, check=check)


def run_command(*command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a command from the repository's root and show its output if it fails."""
    if command[:2] == (sys.executable, "-m"):
        result = run_module(command[2], command[3:], ROOT)
    else:
        result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if check and result.returncode != 0:
        pytest.fail(f"{' '.join(command)} exited with {result.returncode}\n{result.stdout}\n{result.stderr}")
    return result


def tree(folder: Path) -> dict[str, str]:
    """Return the hash of every file below ``folder``."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def settings(*overrides: str) -> list[str]:
    """Return the `--set` arguments for ``overrides``."""
    return [part for override in overrides for part in ("--set", override)]


FAST = ("parsing", "files", "questions", "records", "evaluation/test_analysis.py", "test_schema.py", "test_registry.py")
"""What needs no media, no model and hardly any process: `scripts/fast.sh` runs it."""

_DEAR_FIXTURES = {"demo_folder", "small_config", "small_dataset", "running_endpoint"}

_LONG = {
    "builder/hydrate/test_hydrate.py",
    "builder/publish/test_publish.py",
    "builder/review/test_review_page.py",
    "builder/sources/test_audioset.py",
    "builder/test_kill.py",
    "conform/test_conform.py",
    "faults/test_faults.py",
    "gpu/test_check.py",
    "test_extending.py",
    "test_readme.py",
    "tuning/test_tune.py",
}
"""Files of a minute or more begin first, so that none is left for the end, when the other processes are idle."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the fast tests, and let one process build the demo while the others run what does not need it.

    Long files come first.
    """
    for item in items:
        place = item.path.relative_to(ROOT / "tests").as_posix()
        if place.startswith(FAST) and not _DEAR_FIXTURES & {*getattr(item, "fixturenames", ())}:
            item.add_marker("fast")
    needs = {item.path for item in items if "demo_folder" in getattr(item, "fixturenames", ())}
    first = next((item.path for item in items if item.path in needs), None)

    def order(item: pytest.Item) -> tuple[int, bool]:
        phase = 0 if item.path == first else 2 if item.path in needs else 1
        return phase, item.path.relative_to(ROOT / "tests").as_posix() not in _LONG

    items.sort(key=order)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real clips and lists beside the repository."""
    if not SHARED.is_dir():
        pytest.skip("needs the folder `shared` beside the repository, which is not there")
    return SHARED / "data"


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Callable[[str, Callable[[Path], str]], Path]:
    """Returns the folder of a name, which all processes of a test run share; the first one fills it with a function.

    What the function returns is kept in the file `said`.
    """

    def made(name: str, fill: Callable[[Path], str]) -> Path:
        base = tmp_path_factory.getbasetemp()
        folder = (base if worker_id == "master" else base.parent) / name
        with FileLock(f"{folder}.lock"):
            if not (folder / "said").is_file():
                said = fill(folder)
                (folder / "said").write_text(said)
        return folder

    return made


@pytest.fixture(scope="session")
def demo_folder(made_once: Callable[[str, Callable[[Path], str]], Path]) -> Path:
    """What `scripts/demo.sh` makes: `mma-bench`, `runs/demo` and `report`."""
    folder = made_once("demo", lambda folder: run_command("./scripts/demo.sh", str(folder)).stdout)
    assert f"Report: {folder / 'report' / 'index.html'}" in (folder / "said").read_text().splitlines()
    return folder


@pytest.fixture(scope="session")
def wheel(made_once: Callable[[str, Callable[[Path], str]], Path]) -> Path:
    """The package as users install it, built once: two builds in one checkout at the same time break each other."""
    options = ["--no-deps", "--no-index", "--no-build-isolation", "--disable-pip-version-check", "--quiet"]

    def build(folder: Path) -> str:
        return run_command(sys.executable, "-m", "pip", "wheel", *options, "-w", str(folder), ".").stdout

    (found,) = made_once("wheel", build).glob("*.whl")
    return found


@pytest.fixture(scope="session")
def demo(demo_folder: Path) -> Path:
    """The demo benchmark. The folder is called mma-bench."""
    return demo_folder / "mma-bench"


@pytest.fixture(scope="session")
def small_config(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration that builds in seconds: eight clips of the demo as a folder of one's own, kept small."""
    folder = tmp_path_factory.mktemp("small")
    rows = ["file,label,licence"]
    for sample in load(demo, condition="aligned", limit=8, limit_by="key").samples:
        name = f"{sample.stimulus.video.clip_id}.mp4"
        (folder / name).write_bytes(sample.media.mp4())
        rows.append(f"{name},{sample.stimulus.video.label},as the demo")
    (folder / "clips.csv").write_text("\n".join(rows) + "\n")
    config = folder / "config.yaml"
    config.write_text(
        f"source: {{kind: folder, csv: {folder / 'clips.csv'}}}\n"
        "normalise: {size: 112, seconds: 3}\nassemble: {noise_letters: 200}\n"
    )
    return config


@pytest.fixture(scope="session")
def small_dataset(small_config: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dataset of `small_config`; copy it to change it. Its work folder lies beside it, as `work`."""
    folder = tmp_path_factory.mktemp("small_dataset")
    out = folder / "mma-bench"
    run_builder("run", "--config", str(small_config), "--work", str(folder / "work"), "--out", str(out))
    return out


@pytest.fixture(scope="session")
def running_endpoint() -> "Iterator[EndpointServer]":
    """A server on loopback that answers with the cascade, for the whole session: its weights load once."""
    from tests.models.endpoint_server import serve

    with serve() as server:
        yield server


@pytest.fixture
def endpoint(running_endpoint: "EndpointServer", monkeypatch: pytest.MonkeyPatch) -> "EndpointServer":
    """That server, behaving well and with no request seen; no key in the environment."""
    running_endpoint.reset()
    for name in ("OPENAI_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    return running_endpoint
