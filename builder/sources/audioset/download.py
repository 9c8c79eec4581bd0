"""One download with yt-dlp as a library: only the segment if the site allows it, otherwise the whole video."""

import io
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from builder.manifest import ManifestRow
from builder.normalise.probe import probe
from builder.scratch import move_file, scratch_folder
from builder.sources.audioset.failures import FailureKind, FetchFailed, classify, kind_of_message
from builder.sources.audioset.media_files import SUFFIXES, downloaded_name
from builder.sources.audioset.settings import DownloadSettings
from builder.stage import Dropped
from mma_bench.errors import MMABenchError
from mma_bench.extras import needs

_SHORT_SECONDS = 0.5  # containers are often a frame or an audio packet shorter than requested
_PAGE_BYTES = 1 << 16
# An MP4 file has an edit list: frames before the cut, which the next ones need, are present but not shown. A segment
# can therefore be copied without a second encoding and still begins at the right time (15 real clips: audio exact to
# the sample, video within one frame). A WebM file would begin up to a key frame early, so it is downloaded whole.
_SEGMENT_FORMAT = "bv*[ext=mp4][protocol^=http]+ba[ext=m4a][protocol^=http]/b[ext=mp4][protocol^=http]"
_WHOLE_FORMAT = "bv*[protocol^=http]+ba[protocol^=http]/b[protocol^=http]"


class _NoSegment(Exception):  # noqa: N818
    """The site did not give the segment alone."""


def download(row: ManifestRow, folder: Path, settings: DownloadSettings) -> Path:
    """Download the media of ``row`` to ``folder`` and return the file; it appears there by rename.

    Raises:
        FetchFailed: the video is not available, temporarily or permanently.
        MMABenchError: the disk is full, or the cookies cannot be read.
    """
    with scratch_folder(folder) as work:
        whole = settings.whole or settings.cut_already
        if not whole:
            try:
                path = _run(row, work, settings, whole=False)
            except _NoSegment:
                # ffmpeg, which cuts, reports no HTTP errors and treats half a file as a success. yt-dlp's own
                # downloader fetches the whole file and reports what happened.
                whole = True
        if whole:
            path = _run(row, work, settings, whole=True)
        suffix = path.suffix.lower()
        target = folder / downloaded_name(row, suffix, whole=whole and not settings.cut_already)
        move_file(path, target)
        return target


def check_downloader(settings: DownloadSettings) -> None:
    """Raise MMABenchError if yt-dlp or the cookies cannot be used."""
    with needs("downloading", "build"):
        import yt_dlp
    try:
        with yt_dlp.YoutubeDL(_options(settings, Path(), whole=True)) as site:
            _ = site.cookiejar
    except (yt_dlp.utils.YoutubeDLError, OSError) as error:
        raise MMABenchError(f"cannot read the cookies {settings.cookies}: {error}; use Netscape's format") from error


class _Silent:
    """Discards yt-dlp's log: relevant problems are raised as exceptions."""

    def debug(self, message: str) -> None:
        """Drop ``message``."""

    info = warning = error = debug


def _run(row: ManifestRow, work: Path, settings: DownloadSettings, *, whole: bool) -> Path:
    import yt_dlp

    _forbid_plugins()
    options = _options(settings, work, whole=whole)
    start, end = row.start_seconds, row.end_seconds
    if not whole:
        options["download_ranges"] = yt_dlp.utils.download_range_func(None, [(start, end)])
    address = settings.url_template.format(
        youtube_id=row.youtube_id, start_ms=round(start * 1000), start_seconds=start, end_seconds=end
    )
    with yt_dlp.YoutubeDL(options) as site:
        try:
            found = site.extract_info(address) or {}
        except (yt_dlp.utils.YoutubeDLError, OSError) as error:
            raise _meaning(error, site, address, whole=whole) from error
    path = next((Path(part["filepath"]) for part in found.get("requested_downloads") or ()), None)
    if path is None or not path.is_file() or path.stat().st_size == 0:
        limit = f"{settings.max_whole_bytes / 1e6:g} MB"
        raise FetchFailed(FailureKind.NO_FORMAT, f"the site offered no file, or a larger one than {limit}")
    if path.suffix.lower() not in SUFFIXES:
        raise FetchFailed(FailureKind.NO_FORMAT, f"the site offered a {path.suffix or 'nameless'} file, no video")
    if not whole:
        _check_whole_segment(path, min(end or start, found.get("duration") or float("inf")) - start)
    return path


def _meaning(error: Exception, site: Any, address: str, *, whole: bool) -> Exception:
    text = str(error)
    if "No space left on device" in text or "Disk quota exceeded" in text:
        return MMABenchError("the disk is full; free some space and run the same command again to resume")
    if not whole and ("ffmpeg exited" in text or "Requested format is not available" in text):
        return _NoSegment()
    failure = classify(error)
    if failure.kind is FailureKind.NO_FORMAT and "Unsupported URL" in text and _page_asks_for_a_human(site, address):
        return FetchFailed(FailureKind.BOT_CHECK, "the site sent a page that asks for a human")
    return failure


def _page_asks_for_a_human(site: Any, address: str) -> bool:
    """Inspect a page without a video: yt-dlp does not distinguish a bot check from other pages."""
    from yt_dlp.utils import YoutubeDLError

    try:
        page = site.urlopen(address).read(_PAGE_BYTES).decode("utf-8", "replace")
    except (YoutubeDLError, OSError):  # the first answer counts; this second one only explains it
        return False
    return kind_of_message(page) is FailureKind.BOT_CHECK


def _check_whole_segment(path: Path, expected: float) -> None:
    """Raise _NoSegment if ffmpeg ended early: it treats a broken connection as the end of the file."""
    try:
        seconds = probe(path).seconds
    except Dropped as error:
        raise _NoSegment from error
    if seconds is not None and seconds < expected - _SHORT_SECONDS:
        raise _NoSegment


def _forbid_plugins() -> None:
    from yt_dlp.globals import all_plugins_loaded, plugin_dirs

    plugin_dirs.value = []
    all_plugins_loaded.value = True


def _options(settings: DownloadSettings, work: Path, *, whole: bool) -> dict[str, Any]:
    """Return yt-dlp's options. As a library it reads no configuration file."""
    host = urlsplit(settings.url_template).hostname or ""
    youtube = host.removeprefix("www.") in ("youtube.com", "m.youtube.com", "youtu.be")
    wait_microseconds = str(int(settings.timeout_seconds * 1_000_000))
    options: dict[str, Any] = {
        "logger": _Silent(),
        "quiet": True,
        "noprogress": True,
        "color": "never",
        "cachedir": False,
        "noplaylist": True,
        "playlist_items": "1",
        "allowed_extractors": ["youtube"] if youtube else ["generic"],
        "format": _WHOLE_FORMAT + ("/b" if youtube else "") if whole else _SEGMENT_FORMAT,
        # `res` is the shorter side, so the limit also applies to portrait videos. Above it, the smallest is taken.
        "format_sort": [f"res:{settings.max_height}", "ext:mp4:m4a", "vcodec:h264"],
        "merge_output_format": "mp4",
        "outtmpl": str(work).replace("%", "%%") + f"/{'whole' if whole else 'segment'}.%(ext)s",
        "overwrites": True,
        "fixup": "never",
        "updatetime": False,
        "socket_timeout": settings.timeout_seconds,
        "retries": 0,  # retries, with back-off and pauses, are ours; the first error is the informative one
        "extractor_retries": 0,
        "file_access_retries": 0,
        "external_downloader_args": {"ffmpeg_i": ["-rw_timeout", wait_microseconds]},
        "js_runtimes": {name: {} for name in settings.javascript},
    }
    if settings.rate_limit:
        options["ratelimit"] = settings.rate_limit
    if whole:
        options["max_filesize"] = settings.max_whole_bytes
    if settings.cookies:
        # A stream: if given a file name, each yt-dlp process would write its own state to that file at its end.
        options["cookiefile"] = io.StringIO(settings.cookies.read_text(encoding="utf-8"))
    return options
