"""A home folder of the tests' own, so that no test depends on, or changes, what the user's caches hold.

Libraries read these variables when they are imported, so this must happen before any test module is.
"""

import os
import shutil
import tempfile
from pathlib import Path

from mma_bench.files.cache import cache_folder

_MARK = "MMA_BENCH_TESTS_HOME"
_CACHES = (
    "CROISSANT_CACHE",
    "HF_ASSETS_CACHE",
    "HF_DATASETS_CACHE",
    "HF_HOME",
    "HF_HUB_CACHE",
    "HF_TOKEN",
    "HF_XET_CACHE",
    "HUGGINGFACE_HUB_CACHE",
    "MMA_BENCH_CACHE",
    "MPLCONFIGDIR",
    "TORCH_HOME",
    "TORCHINDUCTOR_CACHE_DIR",
    "TRANSFORMERS_CACHE",
    "TRITON_CACHE_DIR",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_STATE_HOME",
)


def enter() -> None:
    """Point this process and all it starts to a temporary home; worker processes share that of the first one.

    The demo's media are copied into it if the user has them: they take minutes to download, and each is used only with
    the hash that the catalogue states.
    """
    if os.environ.get(_MARK) == os.environ.get("HOME"):
        return
    media = cache_folder() / "demo-media"
    home = tempfile.mkdtemp(prefix="mma-bench-tests-home-")
    for name in _CACHES:
        os.environ.pop(name, None)
    os.environ.update({"HOME": home, _MARK: home, "HF_HUB_OFFLINE": "1"})
    if media.is_dir():
        shutil.copytree(media, cache_folder() / "demo-media", ignore=shutil.ignore_patterns(".*"))


def leave() -> None:
    """Remove the temporary home."""
    if home := os.environ.get(_MARK):
        shutil.rmtree(Path(home), ignore_errors=True)
