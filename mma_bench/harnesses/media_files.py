"""A stimulus as files, because other harnesses pass paths to a model. They stay in the cache, named by content."""

from pathlib import Path

from mma_bench.dataset.load import Sample
from mma_bench.files.atomic import write_bytes
from mma_bench.files.cache import cache_folder
from mma_bench.files.hashing import sha256_json
from mma_bench.models.endpoint.prepare import prepare_parts
from mma_bench.models.endpoint.settings import EndpointSettings


def separate_files(sample: Sample) -> tuple[Path, Path]:
    """Return the silent video (mp4) and the audio (wav, 16 kHz) of ``sample``, both cut to its length."""
    base = _base(sample)
    paths = base.with_suffix(".mp4"), base.with_suffix(".wav")
    if not all(path.is_file() for path in paths):
        settings = EndpointSettings(media="parts", audio_format="wav", key_variable="NO_SERVER_NO_KEY")
        for path, part in zip(paths, prepare_parts(sample.media, settings), strict=True):
            write_bytes(path, part.data)
    return paths


def muxed_file(sample: Sample) -> Path:
    """Return one mp4 with both streams."""
    path = _base(sample).with_suffix(".muxed.mp4")
    if not path.is_file():
        write_bytes(path, sample.media.mp4())
    return path


def _base(sample: Sample) -> Path:
    stimulus = sample.stimulus
    return cache_folder() / "harnesses" / sha256_json([stimulus.video.sha256, stimulus.audio.sha256, stimulus.seconds])
