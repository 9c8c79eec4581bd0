"""Where downloads are kept between runs."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """Return the folder of downloads: the variable `MMA_BENCH_CACHE`, else `~/.cache/mma-bench`.

    The folder need not exist yet.
    """
    chosen = os.environ.get("MMA_BENCH_CACHE")
    return Path(chosen).expanduser() if chosen else Path.home() / ".cache" / "mma-bench"
