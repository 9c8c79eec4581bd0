"""The `audioset` source."""

import shutil
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from builder.manifest import ManifestRow
from builder.select.official import OFFICIAL_LIST
from builder.sources.audioset.candidates import candidate_rows, class_names
from builder.sources.audioset.download import check_downloader, download
from builder.sources.audioset.failures import FailureKind, FetchFailed
from builder.sources.audioset.media_files import begins_at, find_downloaded, find_in_mirror, mirror_state
from builder.sources.audioset.pause import Pause
from builder.sources.audioset.settings import AudioSetSettings, DownloadSettings
from builder.sources.base import MediaFindings, Source, hashes_by_name
from builder.sources.super_classes import audioset_super_classes
from builder.stage import Dropped
from mma_bench.errors import MMABenchError
from mma_bench.files.hashing import sha256_json

_LONGEST_BACKOFF_SECONDS = 60


class AudioSetSource(Source):
    """Candidates that the rules select from AudioSet's lists, or the 658 published clips."""

    name = "audioset"

    def __init__(self, settings: AudioSetSettings) -> None:
        self.settings = settings
        self._network = settings.network
        self.fetch_workers = self._network.concurrency if self._network else None

    def class_names(self) -> list[str]:
        """Return the classes of the rules, in the order of the rules."""
        return class_names(self.settings)

    def rows(self) -> Iterator[ManifestRow]:
        """Return a row per segment of the lists; segments that are not candidates are dropped, with the reason."""
        return candidate_rows(self.settings)

    def rows_are_decided_by(self) -> Any:
        """Return the hashes of the lists."""
        return sorted(self.input_hashes().items())

    def super_classes(self) -> dict[str, str]:
        """Return the top level of AudioSet's ontology for the classes that have one."""
        return audioset_super_classes(self.class_names())

    def input_hashes(self) -> dict[str, str]:
        """Return the hash of the rules, and of the ontology and the lists if they are used."""
        files = [self.settings.rules, *self.settings.segments]
        if self.settings.ontology:
            files.append(self.settings.ontology)
        if self.settings.preset == "official":
            files.append(OFFICIAL_LIST)
        try:
            return hashes_by_name(files)
        except OSError as error:
            raise MMABenchError(f"cannot read {error.filename}: {error.strerror}; see docs/regenerate.md") from error

    def state(self) -> str:
        """Return a hash of the files of the mirror and of what determines the bytes of a download."""
        mirror = mirror_state(self.settings.mirror) if self.settings.mirror else None
        return sha256_json([mirror, _download_key(self._network) if self._network else None])

    def prepare(self) -> None:
        """Check what all downloads need."""
        if self._network:
            if not shutil.which("ffmpeg"):
                raise MMABenchError("ffmpeg is not installed; run scripts/setup.sh or install it with your system")
            check_downloader(self._network)

    def check(self) -> None:
        """Check the downloader and the mirror."""
        self.prepare()
        if self.settings.mirror:
            mirror_state(self.settings.mirror)

    def media_findings(self, rows: Iterable[ManifestRow]) -> MediaFindings:
        """Return how many clips are in the mirror; without downloads, the others are missing."""
        mirror = self.settings.mirror
        present = [mirror is not None and find_in_mirror(row, mirror) is not None for row in rows]
        there, left = present.count(True), present.count(False)
        lines = [f"{there} of {len(present)} clips are in the mirror {mirror}"] if mirror else []
        if self._network:
            return MediaFindings([*lines, f"{left} clips to download from {self._network.url_template}"])
        problem = f"{left} of {len(present)} clips are not in the mirror {mirror}; the build would drop them"
        return MediaFindings(lines, [problem] if left else [])

    def can_succeed_later(self, reason: str) -> bool:
        """Return whether a clip that `fetch` dropped for ``reason`` is worth another try."""
        return reason in list(FailureKind) and not FailureKind(reason).permanent

    def begins_at(self, row: ManifestRow, path: Path) -> float:
        """Return 0 for files cut already, the segment's start for whole videos."""
        return begins_at(row, path)

    def fetch(self, row: ManifestRow, folder: Path) -> Path:
        """Return the clip's file from the mirror, or download it."""
        if self.settings.mirror and (found := find_in_mirror(row, self.settings.mirror)):
            if found.stat().st_size == 0:
                raise Dropped("empty_file", f"{found.name} has no bytes")
            return found
        if self._network is None:
            raise Dropped(FailureKind.NOT_IN_MIRROR, f"the mirror has no file of {row.clip_id} or {row.youtube_id}")
        # Named by what determines the bytes: after a change of rules or lists, nothing is downloaded twice.
        kept = folder / _download_key(self._network)[:12]
        return find_downloaded(row, kept) or _download_patiently(row, kept, self._network, folder.parent)


def _download_key(settings: DownloadSettings) -> str:
    return sha256_json([settings.url_template, settings.max_height, settings.whole])


def _download_patiently(row: ManifestRow, kept: Path, settings: DownloadSettings, stage_folder: Path) -> Path:
    """Download, with retries after temporary failures and after a pause of all tasks for a bot check."""
    pause = Pause(stage_folder, settings.pause)
    repeated = pauses = 0
    while True:
        time.sleep(settings.sleep_seconds)
        pause.wait()
        asked = time.time()
        try:
            path = download(row, kept, settings)
        except FetchFailed as failure:
            if failure.kind is FailureKind.BOT_CHECK:
                pause.begin(failure, asked)
                pauses += 1
                if pauses <= settings.pause.tries:
                    continue
            elif failure.kind.passing and repeated < settings.retries:
                time.sleep(min(settings.backoff_seconds * 2**repeated, _LONGEST_BACKOFF_SECONDS))
                repeated += 1
                continue
            elif failure.kind.permanent:
                pause.passed(asked)
            raise Dropped(failure.kind.value, failure.detail) from failure
        pause.passed(asked)
        return path
