"""YouTube's sentences sorted into kinds of failure, and the pause that all tasks share."""

import json
import time
from pathlib import Path

import pytest

from builder.sources.audioset.failures import FailureKind, FetchFailed, classify, detail_of
from builder.sources.audioset.pause import Pause
from builder.sources.audioset.settings import PauseSettings


def test_one_answer_makes_one_pause_and_each_in_a_row_is_longer(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = PauseSettings(first_seconds=100, longest_seconds=350)
    refused = FetchFailed(FailureKind.BOT_CHECK, "busy")
    asked = time.time()
    for _ in range(3):  # three tasks whose requests were under way
        Pause(tmp_path, settings).begin(refused, asked)
    lengths = []
    for _ in range(3):
        until, count = json.loads((tmp_path / "pause.json").read_text())
        lengths.append(round(until - time.time()))
        (tmp_path / "pause.json").write_text(json.dumps([time.time() - 1, count]))
        Pause(tmp_path, settings).begin(refused, time.time())
    assert lengths == [100, 200, 350]
    Pause(tmp_path, settings).passed(time.time())
    assert (tmp_path / "pause.json").exists()  # an answer from before the pause's end proves nothing
    (tmp_path / "pause.json").write_text(json.dumps([time.time() - 1, 3]))
    Pause(tmp_path, settings).passed(time.time())
    assert not (tmp_path / "pause.json").exists()


YOUTUBE = "[youtube] dQw4w9WgXcQ: "


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("Video unavailable", "unavailable"),
        ("Video unavailable. This video is not available", "unavailable"),
        ("This video isn't available anymore", "unavailable"),
        ("Private video. Sign in if you've been granted access to this video", "private"),
        ("This video is private", "private"),
        ("Join this channel to get access to members-only content like this video", "private"),
        ("Video unavailable. This video has been removed by the uploader", "removed"),
        ("This video has been removed for violating YouTube's Terms of Service", "removed"),
        ("Video unavailable. This video is no longer available due to a copyright claim by Somebody", "removed"),
        ("Video unavailable. This video contains content from X, who has blocked it on copyright grounds", "removed"),
        (
            "Video unavailable. This video is no longer available because the YouTube account associated with this "
            "video has been terminated.",
            "terminated",
        ),
        (
            "This video is no longer available because the uploader has closed their YouTube account",
            "terminated",
        ),
        (
            "Sign in to confirm your age. This video may be inappropriate for some users. Use --cookies",
            "age_restricted",
        ),
        ("The uploader has not made this video available in your country", "geo_blocked"),
        (
            "Video unavailable. This video contains content from SME, who has blocked it in your country on copyright "
            "grounds",
            "geo_blocked",
        ),
        ("Sign in to confirm you\u2019re not a bot. Use --cookies-from-browser or --cookies", "bot_check"),
        (
            "Video unavailable. This content isn't available, try again later. The current session has been "
            "rate-limited by YouTube for up to an hour. It is recommended to use `-t sleep`",
            "bot_check",
        ),
        ("Unable to download webpage: HTTP Error 429: Too Many Requests (caused by <HTTPError 429>)", "bot_check"),
        ("Requested format is not available. Use --list-formats for a list of available formats", "no_format"),
        ("No video formats found!; please report this issue on  https://github.com/yt-dlp/yt-dlp/issues", "no_format"),
        ("This video is DRM protected", "no_format"),
        ("Unable to download API page: HTTP Error 503: Service Unavailable", "network"),
        ("Unable to download webpage: <urlopen error [Errno -3] Temporary failure in name resolution>", "network"),
        ("unable to download video data: HTTP Error 403: Forbidden", "refused"),
        ("Read timed out.", "network"),
        ("content too short (expected 1000 bytes and served 500)", "truncated"),
    ],
)
def test_youtubes_sentences(message: str, kind: str) -> None:
    from yt_dlp.utils import DownloadError, ExtractorError

    failure = classify(DownloadError(f"ERROR: {YOUTUBE}{message}"))
    assert failure.kind == kind
    inner = ExtractorError(message, expected=True, video_id="dQw4w9WgXcQ")
    assert classify(DownloadError(f"ERROR: {inner}", (type(inner), inner, None))).kind == kind
    assert FailureKind(kind).permanent == (kind in ("unavailable", "private", "removed", "terminated"))


def test_details_name_no_path_and_no_address() -> None:
    said = detail_of(
        "ERROR: [generic] x: unable to open /home/me/cookies.txt from https://u:secret@host/p (caused by X)"
    )
    assert said == "unable to open from"
