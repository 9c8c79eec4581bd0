"""The clips that the page plays: both streams in one mp4, copied without encoding."""

import functools
from pathlib import Path

from builder.media_folder import clip_file
from builder.review.items import ReviewItem
from mma_bench.dataset.media import Media
from mma_bench.errors import MMABenchError
from mma_bench.files.atomic import write_bytes


class ReviewMedia:
    """Muxes a clip when it is first requested.

    Args:
        clips: folder of the normalised streams.
        folder: where muxed files are kept; they can be deleted at any time.
    """

    def __init__(self, clips: Path, folder: Path) -> None:
        self._clips = clips
        self._folder = folder

    def file(self, item: ReviewItem) -> Path:
        """Return the mp4 of an item.

        Raises:
            MMABenchError: a stream is missing or cannot be read.
        """
        path = clip_file(self._folder, item.item_id, "mp4")
        if not path.is_file():
            media = Media(
                key=item.row.clip_id,
                read_video=functools.partial(_read, clip_file(self._clips, item.row.clip_id, "mp4")),
                read_audio=functools.partial(_read, clip_file(self._clips, item.sound.clip_id, "flac")),
                seconds=item.seconds,
            )
            write_bytes(path, media.mp4())
        return path


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise MMABenchError(f"{path.name} cannot be read ({error.strerror}); run the build again") from error
