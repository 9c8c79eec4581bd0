"""Everything needed to reproduce the same bytes."""

import importlib.metadata
import platform
from datetime import date
from pathlib import PurePath
from typing import Any

from builder.config import BuildConfig
from builder.normalise.transcode import ffmpeg_version
from builder.verify.verifier import public_name
from mma_bench import __version__
from mma_bench.files.hashing import sha256_json
from mma_bench.schema import FORMAT_VERSION

_LIBRARIES = (
    "av",
    "datatrove",
    "ffmpeg-python",
    "librosa",
    "numpy",
    "opencv-python-headless",
    "pyarrow",
    "pydantic",
    "scipy",
    "yt-dlp",
)


def provenance(config: BuildConfig, inputs: dict[str, str]) -> dict[str, Any]:
    """Return seed, full configuration, hashes of the inputs and versions, but no time and no path."""
    how_fast = {"workers": True, "clips_at_a_time": True, "prices": True}
    settings = _without_folders(config.model_dump(exclude={"executor": True, "verify": how_fast}))
    if config.verify.model:
        settings["verify"]["model"] = public_name(config.verify.model)
    return {
        "mma_bench": __version__,
        "format_version": FORMAT_VERSION,
        "seed": config.seed,
        "config": settings,
        "config_sha256": sha256_json(settings),
        "inputs_sha256": dict(sorted(inputs.items())),
        "python": platform.python_version(),
        "ffmpeg": ffmpeg_version(),
        "libraries": {name: importlib.metadata.version(name) for name in _LIBRARIES},
    }


def _without_folders(value: Any) -> Any:
    """Keep only the names of files, so that a build does not depend on where it ran."""
    if isinstance(value, dict):
        return {key: _without_folders(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_folders(item) for item in value]
    if isinstance(value, date):
        return value.isoformat()
    return value.name if isinstance(value, PurePath) else value
