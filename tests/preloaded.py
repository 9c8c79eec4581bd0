"""Run our commands in processes forked from one that has imported what they need: importing takes 5 s each time.

What a user types is run as typed by the demo, by the README's test and by the tests that kill.
"""

import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path

from builder.pipeline import stage_modules

_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(
    [
        "builder.hydrate.run",
        "builder.run",
        *stage_modules(),
        "cv2",
        "datasets",
        "librosa.core.spectrum",
        "librosa.util.utils",
        "matplotlib.backends.backend_agg",
        "matplotlib.figure",
        "mma_bench.evaluation",
    ]
)


def run_module(
    module: str, arguments: Sequence[str], folder: Path, environment: Mapping[str, str] = os.environ
) -> subprocess.CompletedProcess[str]:
    """Do what `python -m MODULE ARGUMENTS` does in ``folder``; stages run in the process itself."""
    with tempfile.TemporaryDirectory() as place:
        said = [Path(place) / "stdout", Path(place) / "stderr"]
        process = _context.Process(target=_run, args=(module, list(arguments), folder, dict(environment), said))
        process.start()
        process.join()
        output = [path.read_text(encoding="utf-8", errors="replace") for path in said]
        return subprocess.CompletedProcess([module, *arguments], process.exitcode or 0, *output)


def _run(module: str, arguments: list[str], folder: Path, environment: dict[str, str], said: list[Path]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    sys.path[:0] = [path for path in environment.get("PYTHONPATH", "").split(os.pathsep) if path]
    os.chdir(folder)
    for number, path in enumerate(said, start=1):
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(file, number)
    # The tests run one a core: a build that starts processes of its own would only pay for them.
    os.sched_getaffinity = lambda _: {0}
    sys.argv = [module, *arguments]
    code: object = 0
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as error:
        code = error.code
    except BaseException:
        traceback.print_exc()
        code = 1
    if isinstance(code, str):
        print(code, file=sys.stderr)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))
